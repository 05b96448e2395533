import pytest

from tenant_catalog.cleanup import TokenCleanup
from tenant_catalog.database import Database
from tenant_catalog.mails import Outbox
from tenant_catalog.tenants import TenantCatalog
from tenant_catalog.users import UserCatalog


@pytest.fixture
def catalog(database: Database) -> TenantCatalog:
    return TenantCatalog(database, mail_domain="fleet.test")


@pytest.fixture
def users(database: Database) -> UserCatalog:
    return UserCatalog(database, mail_domain="fleet.test")


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database)


@pytest.fixture
def cleanup(database: Database) -> TokenCleanup:
    return TokenCleanup(database)
