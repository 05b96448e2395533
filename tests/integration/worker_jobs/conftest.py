"""Fixtures for tests of worker-jobs."""

from tests.support.workloads import jobs_service

__all__ = ["jobs_service"]
