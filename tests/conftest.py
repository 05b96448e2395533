"""Fixtures for every test. A server starts only when a test asks for it."""

from tests.support.postgres import (
    _catalog,
    _catalog_url,
    database,
    database_url,
    empty_database_url,
    postgres,
)
from tests.support.temporal import (
    held,
    queue_prefix,
    temporal,
    temporal_client,
    temporal_connection,
)

__all__ = [
    "_catalog",
    "_catalog_url",
    "database",
    "database_url",
    "empty_database_url",
    "held",
    "postgres",
    "queue_prefix",
    "temporal",
    "temporal_client",
    "temporal_connection",
]
