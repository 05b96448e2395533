import pytest

from tenant_catalog.contracts.tenants import TenantState
from tenant_catalog.errors import IllegalTransition
from tenant_catalog.transitions import TRANSITIONS, check_transition

LEGAL = {
    ("provisioning", "active"),
    ("provisioning", "failed"),
    ("failed", "provisioning"),
    ("active", "deleting"),
    ("deleting", "active"),
    ("deleting", "purging"),
    ("purging", "deleted"),
}
PAIRS = [(source, target) for source in TenantState for target in TenantState]


@pytest.mark.parametrize(("source", "target"), [pair for pair in PAIRS if pair in LEGAL])
def test_a_legal_transition_passes(source: TenantState, target: TenantState) -> None:
    check_transition("acme", source, target)


@pytest.mark.parametrize(("source", "target"), [pair for pair in PAIRS if pair not in LEGAL])
def test_any_other_is_refused_naming_tenant_and_both_states(
    source: TenantState, target: TenantState
) -> None:
    with pytest.raises(IllegalTransition, match=f"'acme' is {source} .* {target}"):
        check_transition("acme", source, target)


def test_every_state_has_its_place_in_the_table() -> None:
    assert set(TRANSITIONS) == set(TenantState)


def test_the_refusal_says_what_the_state_can_become() -> None:
    with pytest.raises(IllegalTransition, match="deleting can only become active or purging"):
        check_transition("acme", TenantState.DELETING, TenantState.DELETED)


def test_the_refusal_says_when_a_state_is_final() -> None:
    with pytest.raises(IllegalTransition, match="deleted is final"):
        check_transition("acme", TenantState.DELETED, TenantState.ACTIVE)
