"""What the recipes of the images must have in common."""

import tomllib
from pathlib import Path

import pytest

from temporal_common.version import VERSION


@pytest.mark.parametrize("file", ["Dockerfile", "BUILD"])
def test_the_recipes_differ_in_the_name_of_the_service_only(file: str) -> None:
    tenant, jobs = (
        Path(f"services/worker-{name}/{file}").read_text() for name in ("tenant", "jobs")
    )
    assert jobs == tenant.replace("worker-tenant", "worker-jobs").replace(
        "worker_tenant", "worker_jobs"
    )


def test_the_label_of_the_version_is_the_version_of_the_code() -> None:
    arguments = tomllib.loads(Path("pants.toml").read_text())["docker"]["build_args"]
    assert f"VERSION={VERSION}" in arguments
