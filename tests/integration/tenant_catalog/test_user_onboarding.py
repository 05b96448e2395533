import asyncio
import re
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from tenant_catalog.contracts.users import Role, token_digest
from tenant_catalog.database import Database
from tenant_catalog.errors import (
    DatabaseUnavailable,
    IllegalTransition,
    InvalidToken,
    MailNotFound,
    MemberNotFound,
    TenantNotFound,
    UserExists,
)
from tenant_catalog.mails import Mail, Outbox
from tenant_catalog.names import InvalidName
from tenant_catalog.tenants import TenantCatalog
from tenant_catalog.users import Onboarding, UserCatalog
from tests.support.postgres import contents
from tests.support.tenants import (
    PURGE_AFTER,
    CrashAfterCommit,
    active,
    an_hour_ago,
    in_an_hour,
    reserved,
)

BOB = UUID(int=8)
EXPIRES = in_an_hour()


@pytest.fixture
async def member(catalog: TenantCatalog, users: UserCatalog) -> Onboarding:
    """Bob, on the way into acme by the run `run-1`."""
    await active(catalog)
    return await _add_bob(users)


async def _add_bob(users: UserCatalog, operation: str = "run-1") -> Onboarding:
    return await users.add_user("acme", "Bob@acme.test", "Bob", Role.MEMBER, BOB, operation)


async def _token(outbox: Outbox, key: str) -> str:
    """The token in the mail of that key."""
    mails: list[Mail] = []

    async def keep(mail: Mail) -> None:
        mails.append(mail)

    await outbox.deliver(key, keep)
    found = re.search(r"^Token: (\S+)$", mails[0].body, re.MULTILINE)
    assert found
    return found[1]


async def test_the_token_in_the_mail_makes_the_user_active(
    member: Onboarding, users: UserCatalog, outbox: Outbox, database: Database
) -> None:
    issued = await users.issue_verification(member, in_an_hour())
    token = await _token(outbox, issued.mail_key)
    assert token_digest(token) == issued.digest
    await users.activate_user(member, token_digest(token))
    async with database.transaction() as connection:
        rows = await connection.execute(
            "SELECT email, u.state, m.state, role FROM catalog.memberships m"
            " JOIN catalog.users u USING (user_id) WHERE user_id = %s",
            [BOB],
        )
        assert await rows.fetchall() == [("bob@acme.test", "active", "active", "member")]


async def test_the_token_of_the_reminder_does_as_well(
    member: Onboarding, users: UserCatalog, outbox: Outbox
) -> None:
    first = await users.issue_verification(member, in_an_hour())
    await outbox.deliver(first.mail_key, _send_nothing)
    second = await users.enqueue_reminder(member, in_an_hour())
    assert second.digest != first.digest
    token = await _token(outbox, second.mail_key)
    await users.activate_user(member, token_digest(token))


async def test_after_the_reminder_the_first_token_is_still_good(
    member: Onboarding, users: UserCatalog
) -> None:
    first = await users.issue_verification(member, in_an_hour())
    await users.enqueue_reminder(member, in_an_hour())
    await users.activate_user(member, first.digest)


async def test_a_used_token_leaves_none_behind(
    member: Onboarding, users: UserCatalog, database: Database
) -> None:
    issued = await users.issue_verification(member, in_an_hour())
    await users.enqueue_reminder(member, in_an_hour())
    await users.activate_user(member, issued.digest)
    assert (await contents(database))["catalog.email_verification_tokens"] == []


async def test_the_welcome_mail_is_enqueued_with_the_activation(
    member: Onboarding, users: UserCatalog, outbox: Outbox
) -> None:
    issued = await users.issue_verification(member, in_an_hour())
    key = await users.activate_user(member, issued.digest)
    mails: list[Mail] = []

    async def keep(mail: Mail) -> None:
        mails.append(mail)

    await outbox.deliver(key, keep)
    assert [(mail.recipient, mail.subject) for mail in mails] == [
        ("bob@acme.test", "Welcome to Acme")
    ]


async def test_a_token_is_kept_only_as_its_digest(
    member: Onboarding, users: UserCatalog, outbox: Outbox, database: Database
) -> None:
    issued = await users.issue_verification(member, in_an_hour())
    token = await _token(outbox, issued.mail_key)
    assert token not in str(await contents(database))


async def test_a_wrong_token_is_refused_and_changes_nothing(
    member: Onboarding, users: UserCatalog, database: Database
) -> None:
    await users.issue_verification(member, in_an_hour())
    state = await contents(database)
    with pytest.raises(InvalidToken, match="wrong or has expired"):
        await users.activate_user(member, token_digest("guessed"))
    assert await contents(database) == state


async def test_an_expired_token_is_refused(member: Onboarding, users: UserCatalog) -> None:
    issued = await users.issue_verification(member, an_hour_ago())
    with pytest.raises(InvalidToken):
        await users.activate_user(member, issued.digest)


async def test_another_users_token_is_refused(member: Onboarding, users: UserCatalog) -> None:
    eve = await users.add_user("acme", "eve@acme.test", "Eve", Role.MEMBER, uuid4(), "run-2")
    hers = await users.issue_verification(eve, in_an_hour())
    with pytest.raises(InvalidToken):
        await users.activate_user(member, hers.digest)


STEPS: dict[str, Callable[[UserCatalog, Onboarding], Awaitable[object]]] = {
    "add_user": lambda users, member: _add_bob(users),
    "issue_verification": lambda users, member: users.issue_verification(member, EXPIRES),
    "enqueue_reminder": lambda users, member: users.enqueue_reminder(member, EXPIRES),
    "expire_user": lambda users, member: users.expire_user(member),
}


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_that_runs_twice_leaves_the_same_state_and_returns_the_same(
    step: str, member: Onboarding, users: UserCatalog, database: Database
) -> None:
    first = await STEPS[step](users, member)
    state = await contents(database)
    assert await STEPS[step](users, member) == first
    assert await contents(database) == state


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_whose_answer_is_lost_after_its_commit_can_be_run_again(
    step: str, member: Onboarding, users: UserCatalog, database: Database
) -> None:
    with pytest.raises(DatabaseUnavailable):
        await STEPS[step](UserCatalog(CrashAfterCommit(database)), member)
    state = await contents(database)
    await STEPS[step](users, member)
    assert await contents(database) == state


async def test_an_activation_that_runs_twice_returns_the_same(
    member: Onboarding, users: UserCatalog, database: Database
) -> None:
    issued = await users.issue_verification(member, in_an_hour())
    with pytest.raises(DatabaseUnavailable):
        await UserCatalog(CrashAfterCommit(database)).activate_user(member, issued.digest)
    state = await contents(database)
    key = await users.activate_user(member, issued.digest)
    assert await users.activate_user(member, issued.digest) == key
    assert await contents(database) == state


async def test_an_active_member_is_refused(member: Onboarding, users: UserCatalog) -> None:
    issued = await users.issue_verification(member, in_an_hour())
    await users.activate_user(member, issued.digest)
    with pytest.raises(UserExists, match="'acme'") as refused:
        await _add_bob(users, "run-2")
    assert "bob" not in str(refused.value).lower()


async def test_adding_again_after_the_activation_returns_the_same_to_the_same_run(
    member: Onboarding, users: UserCatalog, database: Database
) -> None:
    issued = await users.issue_verification(member, in_an_hour())
    await users.activate_user(member, issued.digest)
    state = await contents(database)
    assert await _add_bob(users) == member
    assert await contents(database) == state


async def test_the_administrator_is_an_active_member(
    catalog: TenantCatalog, users: UserCatalog
) -> None:
    await active(catalog, admin="ada@acme.test")
    with pytest.raises(UserExists):
        await users.add_user("acme", "ADA@acme.test", "Ada", Role.MEMBER, uuid4(), "run-1")


async def test_a_pending_membership_is_taken_over_by_the_next_run(
    member: Onboarding, users: UserCatalog
) -> None:
    second = await _add_bob(users, "run-2")
    with pytest.raises(MemberNotFound, match="taken it over"):
        await users.issue_verification(member, in_an_hour())
    await users.issue_verification(second, in_an_hour())


async def test_two_runs_that_add_one_user_at_once_make_one_user(
    catalog: TenantCatalog, users: UserCatalog
) -> None:
    await active(catalog, "acme")
    await active(catalog, "globex")
    one, other = await asyncio.gather(
        *(
            users.add_user(slug, "bob@fleet.test", "Bob", Role.MEMBER, uuid4(), slug)
            for slug in ("acme", "globex")
        )
    )
    assert one.user_id == other.user_id


async def test_no_user_is_added_to_a_tenant_that_does_not_exist(users: UserCatalog) -> None:
    with pytest.raises(TenantNotFound, match="'acme'"):
        await _add_bob(users)


async def test_no_user_is_added_to_a_tenant_that_is_not_active(
    catalog: TenantCatalog, users: UserCatalog
) -> None:
    await reserved(catalog)
    with pytest.raises(IllegalTransition, match="'acme' is provisioning"):
        await _add_bob(users)


async def test_what_is_not_an_email_address_is_refused(
    catalog: TenantCatalog, users: UserCatalog
) -> None:
    await active(catalog)
    with pytest.raises(InvalidName):
        await users.add_user("acme", "bob", "Bob", Role.MEMBER, uuid4(), "run-1")


async def test_a_deletion_that_was_taken_back_does_not_stop_an_onboarding(
    member: Onboarding, catalog: TenantCatalog, users: UserCatalog
) -> None:
    issued = await users.issue_verification(member, in_an_hour())
    ref, _ = await catalog.begin_deletion("acme", PURGE_AFTER, "run-2")
    with pytest.raises(IllegalTransition, match="deleting"):
        await users.activate_user(member, issued.digest)
    await catalog.restore(ref, "run-2")
    await users.activate_user(member, issued.digest)


async def test_an_expired_onboarding_leaves_nothing(
    catalog: TenantCatalog, users: UserCatalog, outbox: Outbox, database: Database
) -> None:
    await active(catalog)
    before = await contents(database)
    member = await _add_bob(users)
    issued = await users.issue_verification(member, in_an_hour())
    assert await users.expire_user(member)
    assert await contents(database) == before
    with pytest.raises(MailNotFound):
        await outbox.deliver(issued.mail_key, _send_nothing)


async def test_a_user_of_another_tenant_survives_an_expired_onboarding(
    catalog: TenantCatalog, users: UserCatalog, database: Database
) -> None:
    await active(catalog, "globex", admin="bob@acme.test")
    await active(catalog, "acme")
    member = await _add_bob(users)
    assert await users.expire_user(member)
    assert len((await contents(database))["catalog.users"]) == 2


async def test_a_user_who_became_active_does_not_expire(
    member: Onboarding, users: UserCatalog, database: Database
) -> None:
    issued = await users.issue_verification(member, in_an_hour())
    await users.activate_user(member, issued.digest)
    state = await contents(database)
    assert not await users.expire_user(member)
    assert await contents(database) == state


async def test_after_its_end_an_onboarding_issues_no_token(
    member: Onboarding, users: UserCatalog
) -> None:
    await users.expire_user(member)
    with pytest.raises(MemberNotFound):
        await users.enqueue_reminder(member, in_an_hour())


async def _send_nothing(_mail: Mail) -> None:
    pass
