"""What is in the images, and what is not."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from dev_servers.images import Image
from temporal_common.version import VERSION

PACKAGES = "/app/lib/python3.11/site-packages"
OURS = {
    *("temporal_common", "tenant_catalog", "worker_tenant", "worker_jobs"),
    *("fleetctl", "dev_all", "dev_servers", "benchmarks", "tests"),
}
TOOLS = re.compile(
    r"/(pip\d?[.\d]*|(_|py)?pytest|setuptools|wheel|ensurepip|uv|pex|mypy|ruff"
    r"|([a-z0-9_]+-linux-gnu-)?(gcc|g\+\+|cc|c\+\+|cpp|clang|ld|as|make)(-\d+)?)(/|$)"
)


def tools_in(image: Image) -> list[str]:
    """Paths of build and test tools; the modules of applications may have such names."""
    return [
        path
        for path in image.files()
        if (found := TOOLS.search(path))
        and (found.end() == len(path) or f"-packages{found.group()}" in path)
    ]


def test_it_has_the_package_of_its_own_service_and_of_no_other(image: Image, service: str) -> None:
    found = OURS & set(os.listdir(image.root / PACKAGES[1:]))
    assert found == {"temporal_common", "tenant_catalog", service.replace("-", "_")}


def test_it_has_no_pip_no_test_runner_and_no_compiler(image: Image) -> None:
    assert tools_in(image) == []


@pytest.mark.parametrize(
    "path",
    [
        "usr/local/bin/pip3.11",
        "usr/bin/x86_64-linux-gnu-gcc-12",
        "app/lib/python3.11/site-packages/_pytest/main.py",
        "usr/local/lib/python3.11/site-packages/pip/__init__.py",
    ],
)
def test_a_tool_in_it_would_be_found(path: str, tmp_path: Path) -> None:
    planted = tmp_path / path
    planted.parent.mkdir(parents=True)
    planted.touch()
    assert tools_in(Image(tmp_path, {})) == [f"/{path}"]


def test_protobuf_is_the_compiled_one(image: Image) -> None:
    which = "from google.protobuf.internal.api_implementation import Type; print(Type())"
    said = subprocess.check_output(["chroot", image.root, "/app/bin/python", "-B", "-c", which])
    assert said == b"upb\n", "its base lacks a library, and messages take many times as long"


def test_its_user_is_numeric_and_not_root(image: Image) -> None:
    assert image.user == "10001:10001"


def test_its_user_owns_and_may_write_nothing_of_it(image: Image) -> None:
    writable = [
        path
        for path in image.files()
        if (file := image.root / path[1:]).is_file()  # no device: the engine brings its own
        and not file.is_symlink()
        and (file.stat().st_uid == 10001 or file.stat().st_mode & 0o002)
    ]
    assert writable == []


def test_its_entrypoint_is_python_itself_without_a_shell(image: Image, service: str) -> None:
    module = service.replace("-", "_")
    assert image.config["Entrypoint"] == ["/app/bin/python", "-P", "-m", module]
    assert not image.config.get("Cmd")


def test_its_labels_say_title_version_revision_and_base(image: Image, service: str) -> None:
    assert image.labels["org.opencontainers.image.title"] == service
    assert image.labels["org.opencontainers.image.version"] == VERSION
    revision = os.environ.get("REVISION") or "unknown"
    assert image.labels["org.opencontainers.image.revision"] == revision
    base = os.environ.get("BASE_IMAGE") or "python:3.11-slim"
    assert image.labels["org.opencontainers.image.base.name"] == base


def test_it_does_not_set_half_of_the_switch_for_worker_versioning(image: Image) -> None:
    assert not any(setting.startswith("TEMPORAL_") for setting in image.config.get("Env") or ())


def test_its_bill_of_materials_lists_every_wheel(image: Image, service: str) -> None:
    bill = json.loads(image.text("/app/sbom.cdx.json"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == service
    listed = {(normalized(item["name"]), item["version"]) for item in bill["components"]}
    installed = {
        (normalized(name), version)
        for path in (image.root / PACKAGES[1:]).glob("*.dist-info")
        for name, version in [path.name.removesuffix(".dist-info").split("-")]
    }
    assert len(installed) > 20
    assert listed == installed


def normalized(name: str) -> str:
    """As PyPI compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_no_bytecode_is_left_to_be_written(image: Image) -> None:
    files = set(image.files())
    sources = [path for path in files if path.startswith(PACKAGES) and path.endswith(".py")]
    assert len(sources) > 500
    missing = [
        path
        for path in sources
        if f"{os.path.dirname(path)}/__pycache__/{Path(path).stem}.cpython-311.pyc" not in files
    ]
    assert missing == []
