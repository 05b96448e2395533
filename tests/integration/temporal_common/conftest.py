"""Fixtures of the library's tests on real servers."""

from tests.support.versions import deployment_name, quick_client, quick_temporal

__all__ = ["deployment_name", "quick_client", "quick_temporal"]
