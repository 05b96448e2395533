"""Contract of the tenant lifecycle: provisioning, deletion and restore."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

PROVISIONING_WORKFLOW: Final = "TenantProvisioningWorkflow"
DELETION_WORKFLOW: Final = "TenantDeletionWorkflow"
PROGRESS_QUERY: Final = "progress"
"""Query of both workflows, answered with `tenant_catalog.contracts.steps.Progress`."""
RESTORE_UPDATE: Final = "restore"
"""Update of a deletion: takes it back. Refused once the retention has passed."""

DEFAULT_RETENTION: Final = timedelta(days=30)


def provisioning_id(slug: str) -> str:
    """Workflow id: one provisioning of a slug at a time, wherever it is started from."""
    return f"tenant-provisioning/{slug}"


def deletion_id(slug: str) -> str:
    return f"tenant-deletion/{slug}"


class TenantState(StrEnum):
    """States of a tenant; `tenant_catalog.transitions` holds the transitions."""

    PROVISIONING = "provisioning"
    ACTIVE = "active"
    FAILED = "failed"
    """Provisioning failed for good, and what it had made was taken back."""
    DELETING = "deleting"
    """Deleted softly: still restorable until its retention has passed."""
    PURGING = "purging"
    """Past the point of no return: its tables are being dropped."""
    DELETED = "deleted"
    """Tombstone: only the row is left, for the record."""


@dataclass(frozen=True)
class TenantRef:
    """A tenant at one generation of its row: what an activity may act on.

    `generation` grows with every operation that takes the tenant over (provision, delete, restore).
    A statement names the generation that it believes in, so an attempt that was overtaken while
    frozen or partitioned changes nothing (a fencing token).
    """

    tenant_id: UUID
    slug: str
    schema_name: str
    generation: int


@dataclass(frozen=True)
class ProvisionTenant:
    slug: str
    admin_email: str
    display_name: str = ""
    """Shown to people; the slug when empty."""


@dataclass(frozen=True)
class ProvisionedTenant:
    tenant: TenantRef
    admin_user_id: UUID
    welcome_mail: str
    """`sent`, or why not: an active tenant is not taken back because a mail server is away."""


@dataclass(frozen=True)
class DeleteTenant:
    slug: str
    retention: timedelta = DEFAULT_RETENTION


class DeletionOutcome(StrEnum):
    DELETED = "deleted"
    RESTORED = "restored"


@dataclass(frozen=True)
class DeletedTenant:
    tenant: TenantRef
    outcome: DeletionOutcome
    tables_dropped: int = 0


@dataclass(frozen=True)
class DeletionStatus:
    """Answer of the query `deletion`; `purge_at` is when the retention ends."""

    state: TenantState
    purge_at: datetime | None


DELETION_QUERY: Final = "deletion"
