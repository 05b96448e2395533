"""Fixtures for every test. A server starts only when a test asks for it."""

from tests.support.postgres import _catalog_template, database, database_url, postgres

__all__ = ["_catalog_template", "database", "database_url", "postgres"]
