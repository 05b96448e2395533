"""UserOnboardingWorkflow on real servers: verified by the token from the mail, or expired."""

import asyncio
import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from temporalio.client import (
    WorkflowFailureError,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateStage,
)
from temporalio.exceptions import ActivityError, ApplicationError

from dev_servers.mail_sink import MailSink
from temporal_common.testing import RunningService
from tenant_catalog.contracts.users import (
    ONBOARDING_QUERY,
    VERIFY_UPDATE,
    OnboardingState,
    OnboardingStatus,
    VerifyEmail,
    token_digest,
)
from tenant_catalog.database import Database
from tenant_catalog.tenants import TenantCatalog
from tests.support.histories import until_cancel_requested
from tests.support.holding import held_tenant, until
from tests.support.inspecting import members_of, rows
from tests.support.mails import token_in
from tests.support.starts import admin_of, onboard
from tests.support.tenants import PURGE_AFTER, active

CONFIRM, REMINDER, WELCOME = "Confirm your", "Reminder: confirm", "Welcome to"


@pytest.fixture
def email(slug: str) -> str:
    return f"jo@{slug}.test"


@pytest.fixture
async def tenant(database: Database, slug: str) -> str:
    """The slug of an active tenant."""
    await active(TenantCatalog(database), slug)
    return slug


async def verify(handle: WorkflowHandle[Any, Any], token: str) -> OnboardingStatus:
    status: OnboardingStatus = await handle.execute_update(
        VERIFY_UPDATE, VerifyEmail.with_token(token), result_type=OnboardingStatus
    )
    return status


async def refusal(handle: WorkflowHandle[Any, Any], token: str) -> str:
    """The type of the error that refuses the token."""
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await verify(handle, token)
    assert isinstance(refused.value.cause, ApplicationError)
    return str(refused.value.cause.type)


async def status_of(handle: WorkflowHandle[Any, Any]) -> OnboardingStatus:
    status: OnboardingStatus = await handle.query(ONBOARDING_QUERY, result_type=OnboardingStatus)
    return status


async def until_waiting(handle: WorkflowHandle[Any, Any]) -> None:
    async def waiting() -> bool:
        return (await status_of(handle)).state is OnboardingState.WAITING

    await until(waiting)


async def history_length(handle: WorkflowHandle[Any, Any]) -> int:
    return (await handle.describe()).history_length


def texts_in(value: object) -> Iterator[str]:
    """Every text of a history's JSON, with the payloads decoded."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "data" and isinstance(item, str):
                yield base64.b64decode(item).decode(errors="replace")
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
    else:
        yield str(value)


async def whole_history(handle: WorkflowHandle[Any, Any]) -> str:
    history = await handle.fetch_history()
    return "\n".join(texts_in(json.loads(history.to_json())))


async def assert_nobody_is_pending(database: Database, tenant: str) -> None:
    assert await members_of(database, tenant) == [(admin_of(tenant), "admin", "active")]
    assert await rows(database, "SELECT email FROM catalog.users") == [(admin_of(tenant),)]
    assert await rows(database, "SELECT FROM catalog.email_verification_tokens") == []


async def test_the_token_from_the_mail_makes_the_user_active_and_welcome(
    tenant_service: RunningService, database: Database, sink: MailSink, tenant: str, email: str
) -> None:
    handle = await onboard(tenant_service, tenant, email)
    mail = await sink.wait_for(to=email, subject_contains=CONFIRM)
    assert (email, "member", "pending") in await members_of(database, tenant)

    assert (await verify(handle, token_in(mail))).state is OnboardingState.ACTIVE

    assert (email, "member", "active") in await members_of(database, tenant)
    assert await rows(database, "SELECT FROM catalog.email_verification_tokens") == []
    assert (await handle.result()).state is OnboardingState.ACTIVE
    await sink.wait_for(to=email, subject_contains=WELCOME)


async def test_a_wrong_token_is_refused_without_a_trace_in_the_history(
    tenant_service: RunningService, database: Database, sink: MailSink, tenant: str, email: str
) -> None:
    handle = await onboard(tenant_service, tenant, email)
    mail = await sink.wait_for(to=email, subject_contains=CONFIRM)
    await until_waiting(handle)
    before = await history_length(handle)

    assert await refusal(handle, "guessed") == "InvalidToken"
    # What the history and the database hold is no token either.
    assert await refusal(handle, token_digest(token_in(mail))) == "InvalidToken"

    assert await history_length(handle) == before
    assert (email, "member", "pending") in await members_of(database, tenant)
    await handle.terminate()


async def test_a_token_counts_as_soon_as_its_mail_can_be_read(
    tenant_service: RunningService,
    sink: MailSink,
    monkeypatch: pytest.MonkeyPatch,
    tenant: str,
    email: str,
) -> None:
    """The mail is there, and the workflow has not heard yet that it was sent."""
    take = sink.handle_DATA
    read: list[EmailMessage] = []
    go_on = asyncio.Event()

    async def take_and_hold_the_answer(server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = await take(server, session, envelope)
        if not read:
            read.append(sink.mails[-1])
            await go_on.wait()
        return answer

    monkeypatch.setattr(sink, "handle_DATA", take_and_hold_the_answer)
    handle = await onboard(tenant_service, tenant, email)
    mail = await sink.wait_for(to=email, subject_contains=CONFIRM)
    update: WorkflowUpdateHandle[OnboardingStatus] = await handle.start_update(
        VERIFY_UPDATE,
        VerifyEmail.with_token(token_in(mail)),
        wait_for_stage=WorkflowUpdateStage.ACCEPTED,
        result_type=OnboardingStatus,
    )
    go_on.set()
    assert (await update.result()).state is OnboardingState.ACTIVE
    assert (await handle.result()).reminded is False


async def test_a_token_is_never_in_the_history(
    tenant_service: RunningService, sink: MailSink, tenant: str, email: str
) -> None:
    handle = await onboard(tenant_service, tenant, email, remind_after=timedelta(milliseconds=100))
    first = token_in(await sink.wait_for(to=email, subject_contains=CONFIRM))
    second = token_in(await sink.wait_for(to=email, subject_contains=REMINDER))
    await verify(handle, second)
    await handle.result()

    history = await whole_history(handle)
    assert token_digest(first) in history
    assert token_digest(second) in history
    assert first not in history
    assert second not in history


async def test_a_reminder_comes_once_and_both_tokens_are_right(
    tenant_service: RunningService, sink: MailSink, tenant: str, email: str
) -> None:
    handle = await onboard(tenant_service, tenant, email, remind_after=timedelta(milliseconds=100))
    first = await sink.wait_for(to=email, subject_contains=CONFIRM)
    await sink.wait_for(to=email, subject_contains=REMINDER)

    async def reminded() -> bool:
        return (await status_of(handle)).reminded

    await until(reminded)
    status = await verify(handle, token_in(first))
    assert (status.state, status.reminded) == (OnboardingState.ACTIVE, True)
    assert (await handle.result()).reminded
    subjects = [str(mail["Subject"]) for mail in sink.mails if mail["X-RcptTo"] == email]
    assert [subject.startswith(REMINDER) for subject in subjects].count(True) == 1


async def test_a_user_who_never_verifies_expires_and_is_gone(
    tenant_service: RunningService, database: Database, sink: MailSink, tenant: str, email: str
) -> None:
    handle = await onboard(
        tenant_service,
        tenant,
        email,
        remind_after=timedelta(milliseconds=100),
        expire_after=timedelta(seconds=3),
    )
    onboarded = await handle.result()
    assert (onboarded.state, onboarded.reminded) == (OnboardingState.EXPIRED, True)
    await sink.wait_for(to=email, subject_contains=REMINDER)
    await assert_nobody_is_pending(database, tenant)


async def test_an_expiry_before_the_reminder_does_not_wait_for_it(
    tenant_service: RunningService, database: Database, tenant: str, email: str
) -> None:
    handle = await onboard(
        tenant_service,
        tenant,
        email,
        remind_after=timedelta(days=2),
        expire_after=timedelta(milliseconds=300),
    )
    onboarded = await handle.result()
    assert (onboarded.state, onboarded.reminded) == (OnboardingState.EXPIRED, False)
    await assert_nobody_is_pending(database, tenant)


async def test_a_cancellation_removes_the_pending_user(
    tenant_service: RunningService, database: Database, sink: MailSink, tenant: str, email: str
) -> None:
    handle = await onboard(tenant_service, tenant, email)
    await sink.wait_for(to=email, subject_contains=CONFIRM)
    await until_waiting(handle)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    await assert_nobody_is_pending(database, tenant)


async def test_a_cancellation_while_the_user_is_added_removes_the_user(
    tenant_service: RunningService, database: Database, database_url: str, tenant: str, email: str
) -> None:
    async with held_tenant(database_url, tenant) as hold:
        handle = await onboard(tenant_service, tenant, email)
        await hold.until_waited_for()
        await handle.cancel()
        await until_cancel_requested(handle)
        await hold.release()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
    await assert_nobody_is_pending(database, tenant)


async def test_a_cancellation_while_the_mail_is_sent_removes_the_user(
    tenant_service: RunningService,
    database: Database,
    sink: MailSink,
    monkeypatch: pytest.MonkeyPatch,
    tenant: str,
    email: str,
) -> None:
    sending, go_on, take = asyncio.Event(), asyncio.Event(), sink.handle_DATA

    async def take_slowly(server: SMTP, session: Session, envelope: Envelope) -> str:
        sending.set()
        await go_on.wait()
        return await take(server, session, envelope)

    monkeypatch.setattr(sink, "handle_DATA", take_slowly)
    handle = await onboard(tenant_service, tenant, email)
    async with asyncio.timeout(20):
        await sending.wait()
    await handle.cancel()
    await until_cancel_requested(handle)
    go_on.set()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    await assert_nobody_is_pending(database, tenant)


async def test_a_tenant_that_was_deleted_meanwhile_refuses_the_right_token(
    tenant_service: RunningService, database: Database, sink: MailSink, tenant: str, email: str
) -> None:
    handle = await onboard(tenant_service, tenant, email)
    mail = await sink.wait_for(to=email, subject_contains=CONFIRM)
    await until_waiting(handle)
    await TenantCatalog(database).begin_deletion(tenant, PURGE_AFTER, "a deletion")

    assert await refusal(handle, token_in(mail)) == "NotActivated"

    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, ActivityError)
    await assert_nobody_is_pending(database, tenant)


async def test_an_active_member_is_not_onboarded_again(
    tenant_service: RunningService, database: Database, tenant: str
) -> None:
    handle = await onboard(tenant_service, tenant, admin_of(tenant))
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, ActivityError)
    assert isinstance(failed.value.cause.cause, ApplicationError)
    assert failed.value.cause.cause.type == "UserExists"
    assert await members_of(database, tenant) == [(admin_of(tenant), "admin", "active")]


async def test_a_mail_that_cannot_be_sent_leaves_the_reminder_to_bring_the_token(
    tenant_service: RunningService, sink: MailSink, tenant: str, email: str
) -> None:
    sink.refuse_with(550, "no such mailbox")
    handle = await onboard(tenant_service, tenant, email, remind_after=timedelta(milliseconds=100))
    reminder = await sink.wait_for(to=email, subject_contains=REMINDER)
    status = await verify(handle, token_in(reminder))
    assert status.state is OnboardingState.ACTIVE
    await handle.result()


async def test_a_client_is_told_that_the_mail_could_not_be_sent(
    tenant_service: RunningService, sink: MailSink, tenant: str, email: str
) -> None:
    sink.refuse_with(550, "no such mailbox")
    handle = await onboard(tenant_service, tenant, email)
    await until_waiting(handle)
    assert "answered 550: no such mailbox" in (await status_of(handle)).mail
    await handle.terminate()
