"""The state machine of a tenant, as one table. Pure.

provisioning ──▶ active ◀──▶ deleting ──▶ purging ──▶ deleted
  ▲      │
  │      ▼
  └── failed
"""

from collections.abc import Mapping
from typing import Final

from tenant_catalog.contracts.tenants import TenantState
from tenant_catalog.errors import IllegalTransition

TRANSITIONS: Final[Mapping[TenantState, frozenset[TenantState]]] = {
    TenantState.PROVISIONING: frozenset({TenantState.ACTIVE, TenantState.FAILED}),
    TenantState.FAILED: frozenset({TenantState.PROVISIONING}),
    TenantState.ACTIVE: frozenset({TenantState.DELETING}),
    TenantState.DELETING: frozenset({TenantState.ACTIVE, TenantState.PURGING}),
    TenantState.PURGING: frozenset({TenantState.DELETED}),
    TenantState.DELETED: frozenset(),
}
"""From each state, those it can become. A new tenant starts as `provisioning`."""


def check_transition(slug: str, current: TenantState, target: TenantState) -> None:
    """Return if `current` may become `target`.

    Raises:
        IllegalTransition: naming both states, and what `current` can become.
    """
    possible = TRANSITIONS[current]
    if target not in possible:
        then = f"can only become {' or '.join(sorted(possible))}" if possible else "is final"
        raise IllegalTransition(
            f"tenant {slug!r} is {current} and cannot become {target}: {current} {then}"
        )
