"""Fixtures for tests of worker-tenant."""

from tests.support.workloads import sink, slug, tenant_service

__all__ = ["sink", "slug", "tenant_service"]
