"""Records the histories that test_replay.py replays: `./pants run tests/replay/record.py`.

Starts real servers and both services, runs every case to its end, and writes what Temporal has of
it to `tests/replay/histories/<workflow>/<case>.json`. README.md beside this says when to record.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from temporalio.client import WorkflowContinuedAsNewError, WorkflowFailureError, WorkflowHandle

from dev_servers.mail_sink import MailSink, mail_sink
from dev_servers.postgres import embedded_postgres
from dev_servers.temporal_server import temporal_server
from temporal_common.testing import RunningService, connection_to, running_service
from tenant_catalog.contracts.cleanup import CLEANUP_WORKFLOW, CleanUpTokens
from tenant_catalog.contracts.tenants import (
    DELETION_WORKFLOW,
    PROVISIONING_WORKFLOW,
    RESTORE_UPDATE,
)
from tenant_catalog.contracts.users import ONBOARDING_WORKFLOW, VERIFY_UPDATE, VerifyEmail
from tenant_catalog.database import Database
from tenant_catalog.tenants import TenantCatalog
from tests.support.histories import runs_of, until_cancel_requested
from tests.support.holding import held_table
from tests.support.mails import token_in
from tests.support.postgres import opened
from tests.support.starts import clean_up, delete, onboard, provision
from tests.support.tenants import active
from tests.support.workloads import jobs_workload, tenant_workload

FOLDER: Final = Path("tests/replay/histories")
SOON: Final = timedelta(milliseconds=100)
LONG: Final = timedelta(days=30)

Handle = WorkflowHandle[Any, Any]


@dataclass(frozen=True)
class Stage:
    """What a case plays on."""

    service: RunningService
    database: Database
    database_url: str
    sink: MailSink

    async def tenant(self, slug: str) -> str:
        await active(TenantCatalog(self.database), slug)
        return slug

    async def verify(self, handle: Handle, email: str, subject: str) -> None:
        mail = await self.sink.wait_for(to=email, subject_contains=subject)
        proof = VerifyEmail.with_token(token_in(mail))
        await handle.execute_update(VERIFY_UPDATE, proof)


Case = Callable[[Stage], Awaitable[Handle]]
CASES: Final[list[tuple[str, Case]]] = []


def case(workflow: str) -> Callable[[Case], None]:
    """A case of this workflow, named after its function."""
    return lambda play: CASES.append((workflow, play))


@case(PROVISIONING_WORKFLOW)
async def success(stage: Stage) -> Handle:
    return await provision(stage.service, "success")


@case(PROVISIONING_WORKFLOW)
async def taken_back(stage: Stage) -> Handle:
    return await provision(stage.service, "taken-back", admin_email="not an address")


@case(PROVISIONING_WORKFLOW)
async def cancelled_in_the_middle(stage: Stage) -> Handle:
    async with held_table(stage.database_url, "catalog", "users") as hold:
        handle = await provision(stage.service, "cancelled")
        await hold.until_waited_for()
        await handle.cancel()
        await until_cancel_requested(handle)
    return handle


@case(PROVISIONING_WORKFLOW)
async def welcome_mail_refused(stage: Stage) -> Handle:
    stage.sink.refuse_with(550, "no such mailbox")
    return await provision(stage.service, "unwelcome")


@case(DELETION_WORKFLOW)
async def deleted(stage: Stage) -> Handle:
    return await delete(stage.service, await stage.tenant("deleted"), retention=SOON)


@case(DELETION_WORKFLOW)
async def restored(stage: Stage) -> Handle:
    handle = await delete(stage.service, await stage.tenant("restored"), retention=LONG)
    await handle.execute_update(RESTORE_UPDATE)
    return handle


@case(DELETION_WORKFLOW)
async def restored_by_cancellation(stage: Stage) -> Handle:
    slug = await stage.tenant("kept")
    async with held_table(stage.database_url, "catalog", "tenants") as hold:
        handle = await delete(stage.service, slug, retention=LONG)
        await hold.until_waited_for()
        await handle.cancel()
        await until_cancel_requested(handle)
    return handle


@case(ONBOARDING_WORKFLOW)
async def verified(stage: Stage) -> Handle:
    slug = await stage.tenant("verified")
    handle = await onboard(stage.service, slug, "jo@verified.test")
    await stage.verify(handle, "jo@verified.test", "Confirm")
    return handle


@case(ONBOARDING_WORKFLOW)
async def reminded(stage: Stage) -> Handle:
    slug = await stage.tenant("reminded")
    handle = await onboard(stage.service, slug, "jo@reminded.test", remind_after=SOON)
    await stage.verify(handle, "jo@reminded.test", "Reminder")
    return handle


@case(ONBOARDING_WORKFLOW)
async def expired(stage: Stage) -> Handle:
    slug = await stage.tenant("expired")
    return await onboard(
        stage.service,
        slug,
        "jo@expired.test",
        remind_after=SOON,
        expire_after=timedelta(seconds=3),
    )


@case(ONBOARDING_WORKFLOW)
async def cancelled_while_it_waits(stage: Stage) -> Handle:
    slug = await stage.tenant("withdrawn")
    handle = await onboard(stage.service, slug, "jo@withdrawn.test")
    await stage.sink.wait_for(to="jo@withdrawn.test")
    await handle.cancel()
    return handle


@case(CLEANUP_WORKFLOW)
async def cleaned_up(stage: Stage) -> Handle:
    return await clean_up(stage.service, CleanUpTokens(), name="whole")


@case(CLEANUP_WORKFLOW)
async def continued_as_new(stage: Stage) -> Handle:
    request = CleanUpTokens(cutoff=datetime.now(UTC), activities_per_run=1)
    handle = await clean_up(stage.service, request, name="continued")
    await handle.result()
    first, *_ = await runs_of(stage.service.client, handle)
    return stage.service.client.get_workflow_handle(handle.id, run_id=first)


async def record(folder: Path) -> None:
    async with AsyncExitStack() as stack:
        temporal = await stack.enter_async_context(temporal_server())
        postgres = await stack.enter_async_context(embedded_postgres())
        mails = Path(stack.enter_context(TemporaryDirectory()))
        sink = await stack.enter_async_context(mail_sink(mails, on_mail=lambda *_: None))
        url = await postgres.create_database()
        service = await stack.enter_async_context(
            running_service(
                [tenant_workload(url, sink), jobs_workload(url)],
                connection=connection_to(temporal.address),
            )
        )
        database = await stack.enter_async_context(opened(url))
        stage = Stage(service, database, url, sink)
        for workflow, play in CASES:
            file = folder / workflow / f"{play.__name__}.json"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(await _history(await play(stage)))
            sys.stdout.write(f"{file}\n")


async def _history(handle: Handle) -> str:
    with suppress(WorkflowFailureError, WorkflowContinuedAsNewError):  # some are meant to end so
        await handle.result(follow_runs=False)
    history = json.loads((await handle.fetch_history()).to_json())
    return json.dumps(_without_this_machine(history), indent=1) + "\n"


def _without_this_machine(value: Any) -> Any:
    """Without what replay does not read: stack traces with their paths, and host names."""
    if isinstance(value, dict):
        return {
            key: f"{item.partition('@')[0]}@host"
            if key == "identity"
            else _without_this_machine(item)
            for key, item in value.items()
            if key != "stackTrace"
        }
    if isinstance(value, list):
        return [_without_this_machine(item) for item in value]
    return value


if __name__ == "__main__":
    if not FOLDER.is_dir():
        sys.exit(f"there is no folder {FOLDER}; run this from the root of the repository")
    asyncio.run(record(FOLDER))
