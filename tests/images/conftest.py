"""Fixtures: the built images, unpacked once for all tests."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from dev_servers.images import Image, why_images_cannot_run
from dev_servers.mail_sink import MailSink
from dev_servers.temporal_server import TemporalServer
from tests.support.workloads import sink, slug

__all__ = ["sink", "slug"]

SERVICES = ("worker-tenant", "worker-jobs")
_BUILDER = Path("deploy/images/builder/docker").resolve()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs images runs only when it is said that they are built from these sources."""
    if not os.environ.get("TEST_IMAGES"):
        reason = "TEST_IMAGES is not set: build the images, then set it (docs/images.md)"
        for item in items:
            if "images" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Image]:
    """Both images, by service. Whoever sets TEST_IMAGES wants a failure here, and no skip."""
    if reason := why_images_cannot_run():
        pytest.fail(f"TEST_IMAGES is set, but no image can be run here: {reason}")
    tag = os.environ.get("IMAGE_TAG", "dev")
    return {
        service: Image.unpacked(
            f"{service}:{tag}", tmp_path_factory.mktemp(service), builder=[_BUILDER]
        )
        for service in SERVICES
    }


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def image(images: Mapping[str, Image], service: str) -> Image:
    return images[service]


@pytest.fixture
def settings(
    temporal: TemporalServer, database_url: str, sink: MailSink, queue_prefix: str
) -> dict[str, str]:
    """The environment of a service of this test."""
    return {
        "TEMPORAL_ADDRESS": temporal.address,
        "TEMPORAL_QUEUE_PREFIX": queue_prefix,
        "DATABASE_URL": database_url,
        "SMTP_HOST": sink.host,
        "SMTP_PORT": str(sink.port),
        "TOKEN_CLEANUP_CRON": "0 0 1 1 *",
    }
