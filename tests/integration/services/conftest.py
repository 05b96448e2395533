"""Fixtures for tests of both services."""

from tests.support.deploys import deploy
from tests.support.versions import deployment_name, quick_client, quick_temporal
from tests.support.workloads import sink, slug

__all__ = ["deploy", "deployment_name", "quick_client", "quick_temporal", "sink", "slug"]
