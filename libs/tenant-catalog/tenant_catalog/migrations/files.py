"""The migrations as they lie in this package: numbers, names and SQL. Needs no database."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

_FILE: Final = re.compile(r"(?P<version>\d{4})_[a-z0-9_]+")


@dataclass(frozen=True)
class Migration:
    """One numbered SQL file. Versions start at 1 and have no gaps."""

    version: int
    name: str
    """File name without `.sql`, such as `0001_projects`."""
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 in hex, the same whatever line ends a checkout has."""
        return hashlib.sha256("\n".join(self.sql.splitlines()).encode()).hexdigest()


@cache
def catalog_migrations() -> tuple[Migration, ...]:
    """The migrations of the schema `catalog`, in the order in which they apply."""
    return _read("catalog")


@cache
def tenant_migrations() -> tuple[Migration, ...]:
    """The migrations of every tenant's schema, in the order in which they apply."""
    return _read("tenant")


def _read(folder: str) -> tuple[Migration, ...]:
    files = resources.files("tenant_catalog.migrations") / folder
    return in_order(
        [
            (file.name.removesuffix(".sql"), file.read_text(encoding="utf-8"))
            for file in files.iterdir()
            if file.name.endswith(".sql")
        ]
    )


def in_order(files: Sequence[tuple[str, str]]) -> tuple[Migration, ...]:
    """Migrations of (name, SQL) pairs, sorted by number.

    Raises:
        ValueError: a name is not `NNNN_name`, or the numbers are not 1, 2, 3, …
    """
    migrations = []
    for expected, (name, text) in enumerate(sorted(files), start=1):
        match = _FILE.fullmatch(name)
        if not match or int(match["version"]) != expected:
            raise ValueError(
                f"migration {name!r}: expected a name like {expected:04d}_what_it_does"
            )
        migrations.append(Migration(expected, name, text))
    return tuple(migrations)
