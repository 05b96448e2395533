"""The names of a tenant: slug, schema, and how they are made. Pure: safe inside workflows."""

import re
from typing import Final
from uuid import UUID

from temporal_common.errors import Refused

SLUG_RULE: Final = (
    "2-40 characters: a lower-case letter, then letters, digits or single hyphens between them"
)
_SLUG: Final = re.compile(r"[a-z](?:-?[a-z0-9])+")
_SLUG_MAX: Final = 40
_RESERVED: Final = frozenset({"public", "postgres", "pg-catalog", "information-schema"})


class InvalidName(Refused, ValueError):
    """A slug or e-mail address that is not accepted. The message says what is valid."""


def parse_slug(text: str) -> str:
    """`text` if it is a valid slug: the tenant's public, immutable name.

    The rule keeps every name derived from a slug inside Postgres' 63 bytes (longer identifiers are
    cut silently, and two tenants would share one schema) and Temporal's 64-byte fairness keys.

    Raises:
        InvalidName: with the rule.
    """
    if len(text) > _SLUG_MAX or not _SLUG.fullmatch(text) or text in _RESERVED:
        raise InvalidName(f"{text!r} is not a tenant slug; valid: {SLUG_RULE}")
    return text


def parse_email(text: str) -> str:
    """`text` in lower case if it can be an e-mail address; the mail itself is the real test.

    Raises:
        InvalidName: it has no local part, no domain, or characters that could split a mail header.
    """
    if len(text) > 254 or not re.fullmatch(r"[^@\s<>,;:\"\\]+@[^@\s<>,;:\"\\]+", text):
        raise InvalidName(f"{text!r} is not an e-mail address; valid: name@domain")
    return text.lower()


def schema_name(slug: str, tenant_id: UUID) -> str:
    """The Postgres schema of a tenant: `t_<slug>_<8 hex digits of its id>`, at most 51 bytes.

    Readable, and never used twice: when a slug is given again after a deletion, a statement that
    was meant for the former tenant cannot reach the new one's schema.
    """
    return f"t_{parse_slug(slug).replace('-', '_')}_{tenant_id.hex[:8]}"
