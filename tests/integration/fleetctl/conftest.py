"""Fixtures of fleetctl's tests."""

from uuid import uuid4

import pytest
import pytest_asyncio

from dev_servers.temporal_server import TemporalServer
from tenant_catalog.database import Database
from tenant_catalog.tenants import TenantCatalog
from tests.support.deploys import deploy
from tests.support.fleet import fleet
from tests.support.tenants import active
from tests.support.versions import deployment_name, quick_client, quick_temporal

__all__ = [
    "active_tenant",
    "deploy",
    "deployment_name",
    "fleet",
    "quick_client",
    "quick_temporal",
    "slug",
]


@pytest.fixture
def slug() -> str:
    """A tenant that no other test knows."""
    return f"t{uuid4().hex[:10]}"


@pytest_asyncio.fixture
async def active_tenant(database: Database) -> str:
    """A tenant in `database`, which no service works on."""
    await active(TenantCatalog(database), "acme")
    return "acme"


@pytest.fixture
def settings(temporal: TemporalServer, queue_prefix: str) -> dict[str, str]:
    """Of a fleet without workers."""
    return {"TEMPORAL_ADDRESS": temporal.address, "TEMPORAL_QUEUE_PREFIX": queue_prefix}
