"""Fixtures for tests of both services."""

from tests.support.workloads import sink, slug

__all__ = ["sink", "slug"]
