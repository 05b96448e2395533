"""What the catalogue refuses, and what it cannot do now.

Unavailable
└── DatabaseUnavailable   Postgres is away, busy, or ended this transaction: try again
Refused
├── DatabaseRefused       Postgres says no, and will say no again
├── MigrationDrift        an applied migration was changed, or one before it is missing
├── names.InvalidName     a slug or e-mail address that is not valid
├── TenantExists          the slug is taken
├── TenantNotFound        no live tenant has that slug
├── IllegalTransition     the tenant's state does not allow the operation
├── StaleGeneration       another operation has taken the tenant over since
├── SchemaNotEmpty        tables are left in a schema that should be gone
├── UserExists            already an active member
├── MemberNotFound        the membership has expired or was taken over
├── InvalidToken          wrong, used or expired
└── MailNotFound          the mail was removed with its tenant or user
"""

from temporal_common.errors import Refused, Unavailable


class DatabaseUnavailable(Unavailable):
    pass


class DatabaseRefused(Refused):
    pass


class MigrationDrift(Refused):
    pass


class TenantExists(Refused):
    pass


class TenantNotFound(Refused):
    pass


class IllegalTransition(Refused):
    pass


class StaleGeneration(Refused):
    pass


class SchemaNotEmpty(Refused):
    pass


class UserExists(Refused):
    pass


class MemberNotFound(Refused):
    pass


class InvalidToken(Refused):
    pass


class MailNotFound(Refused):
    pass
