"""`fleetctl tenant provision`, `delete` and `restore`: what changes a tenant."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fleetctl import output
from fleetctl.arguments import AsJson, Slug, duration_option, email_option, example
from fleetctl.durations import format_duration
from fleetctl.exit_codes import ExitCode
from fleetctl.failures import Failure
from fleetctl.follow import ANSWER_TIMEOUT, Probe, Snapshot, Work, follow
from fleetctl.session import connect, run
from fleetctl.started import started
from tenant_catalog.contracts.steps import Progress, StepState
from tenant_catalog.contracts.tenants import (
    DEFAULT_RETENTION,
    DELETION_QUERY,
    DELETION_WORKFLOW,
    PROGRESS_QUERY,
    PROVISIONING_WORKFLOW,
    RESTORE_UPDATE,
    DeletedTenant,
    DeleteTenant,
    DeletionOutcome,
    DeletionStatus,
    ProvisionedTenant,
    ProvisionTenant,
    TenantState,
    deletion_id,
    provisioning_id,
)

if TYPE_CHECKING:
    from temporalio.client import WorkflowHandle

WAIT_UP_TO: Final = timedelta(minutes=5)
"""The longest retention at whose end a deletion is waited for without --wait."""


def provision(
    slug: Slug,
    admin_email: Annotated[
        str, email_option("--admin-email", "The first administrator, who gets the welcome mail.")
    ],
    name: Annotated[str, typer.Option(help="Shown to people; the slug by default.")] = "",
    wait: Annotated[bool, typer.Option(help="Wait until the tenant is active.")] = True,
    as_json: AsJson = False,
) -> None:
    """Provision a tenant: schema, migrations, administrator, defaults, welcome mail."""
    run(
        "tenant provision",
        lambda: _provision(ProvisionTenant(slug, admin_email, name), wait=wait, as_json=as_json),
    )


def delete(
    slug: Slug,
    retention: Annotated[
        timedelta,
        duration_option("--retention", "30d", "How long the tenant can be restored."),
    ] = DEFAULT_RETENTION,
    wait: Annotated[
        bool | None,
        typer.Option(
            "--wait/--no-wait",
            help="Wait until the data is gone, or for nothing.",
            show_default=f"wait until it is deleted softly; to the end with a retention of "
            f"{format_duration(WAIT_UP_TO)} or less",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Delete a tenant: softly at once, its data for good when the retention has passed."""
    request = DeleteTenant(slug, retention)
    run("tenant delete", lambda: _delete(request, wait=wait, as_json=as_json))


def restore(slug: Slug, as_json: AsJson = False) -> None:
    """Take the deletion of a tenant back, as long as its retention has not passed."""
    run("tenant restore", lambda: _restore(slug, as_json=as_json))


PROVISION_EXAMPLES: Final = example(
    "fleetctl tenant provision acme --admin-email admin@acme.test",
    "fleetctl tenant provision acme --admin-email admin@acme.test --json",
)
DELETE_EXAMPLES: Final = example(
    "fleetctl tenant delete acme", "fleetctl tenant delete acme --retention 1h30m --no-wait"
)
RESTORE_EXAMPLES: Final = example("fleetctl tenant restore acme")


async def _provision(request: ProvisionTenant, *, wait: bool, as_json: bool) -> None:
    slug, id = request.slug, provisioning_id(request.slug)
    look = f"fleetctl tenant status {slug}"
    fleet = await connect()
    route = fleet.router.tenant(slug)
    handle = await fleet.start(
        PROVISIONING_WORKFLOW,
        request,
        id=id,
        route=route,
        result_type=ProvisionedTenant,
        running=f"tenant {slug!r} is being provisioned already; look at it with: {look}",
    )
    work = Work(f"the provisioning of {slug}", fleet.client, handle, route.task_queue, look)
    started(work, waiting=wait, as_json=as_json)
    if not wait:
        return
    provisioned = await follow(work, handle.result(), _progress(handle))
    assert provisioned is not None, "only the end of the workflow ends this wait"
    tenant = provisioned.tenant
    if as_json:
        output.document(
            {
                "slug": tenant.slug,
                "tenant_id": tenant.tenant_id,
                "state": TenantState.ACTIVE,
                "schema": tenant.schema_name,
                "generation": tenant.generation,
                "admin_email": request.admin_email,
                "admin_user_id": provisioned.admin_user_id,
                "welcome_mail": provisioned.welcome_mail,
                "workflow_id": id,
            }
        )
        return
    output.result(
        f"tenant {slug} is active\n"
        + output.facts(
            [
                ("  id", str(tenant.tenant_id)),
                ("  schema", tenant.schema_name),
                ("  admin", request.admin_email),
                ("  welcome mail", provisioned.welcome_mail),
            ]
        )
    )


async def _delete(request: DeleteTenant, *, wait: bool | None, as_json: bool) -> None:
    slug, id = request.slug, deletion_id(request.slug)
    restoring = f"fleetctl tenant restore {slug}"
    fleet = await connect()
    route = fleet.router.tenant(slug)
    handle = await fleet.start(
        DELETION_WORKFLOW,
        request,
        id=id,
        route=route,
        result_type=DeletedTenant,
        running=f"tenant {slug!r} is being deleted already; take it back with: {restoring}",
    )
    work = Work(
        f"the deletion of {slug}",
        fleet.client,
        handle,
        route.task_queue,
        f"fleetctl tenant status {slug}",
    )
    started(work, waiting=wait is not False, as_json=as_json)
    if wait is False:
        return
    to_the_end = wait or request.retention <= WAIT_UP_TO
    probe = _DeletionProbe(handle, slug, to_the_end=to_the_end)
    deleted = await follow(work, handle.result(), probe)
    if deleted is None:
        _deleted_softly(slug, id, probe.purge_at, as_json=as_json)
        return
    if deleted.outcome is DeletionOutcome.RESTORED:
        raise Failure(
            f"the deletion of {slug} was taken back; the tenant is active",
            type="Restored",
            code=ExitCode.FAILED,
        )
    if as_json:
        output.document(
            {
                "slug": slug,
                "tenant_id": deleted.tenant.tenant_id,
                "state": TenantState.DELETED,
                "tables_dropped": deleted.tables_dropped,
                "workflow_id": id,
            }
        )
        return
    output.result(f"tenant {slug} is deleted; {deleted.tables_dropped} tables were dropped")


def _deleted_softly(slug: str, id: str, purge_at: datetime | None, *, as_json: bool) -> None:
    restoring = f"fleetctl tenant restore {slug}"
    if as_json:
        output.document(
            {
                "slug": slug,
                "state": TenantState.DELETING,
                "purge_at": purge_at,
                "restore": restoring,
                "workflow_id": id,
            }
        )
        return
    output.result(
        f"tenant {slug} is deleted softly; its data will be gone at {output.moment(purge_at)}\n"
        f"take it back until then with: {restoring}"
    )


async def _restore(slug: str, *, as_json: bool) -> None:
    from temporalio.service import RPCError, RPCStatusCode

    fleet = await connect()
    handle = fleet.client.get_workflow_handle(deletion_id(slug))
    work = Work(
        f"the restoring of {slug}",
        fleet.client,
        handle,
        fleet.router.tenant(slug).task_queue,
        f"fleetctl tenant status {slug}",
    )
    try:
        await follow(work, handle.execute_update(RESTORE_UPDATE), _progress(handle))
    except Failure as failure:
        reason = failure.__cause__
        if isinstance(reason, RPCError) and reason.status == RPCStatusCode.NOT_FOUND:
            raise Failure(
                f"no deletion of tenant {slug!r} is running, so there is nothing to restore",
                type="NotFound",
                code=ExitCode.NOT_FOUND,
            ) from None
        raise
    if as_json:
        output.document({"slug": slug, "state": TenantState.ACTIVE})
    else:
        output.result(f"tenant {slug} is active again")


def _progress(handle: "WorkflowHandle[Any, Any]") -> Probe:
    async def probe() -> Snapshot:
        progress = await handle.query(
            PROGRESS_QUERY, result_type=Progress, rpc_timeout=ANSWER_TIMEOUT
        )
        return Snapshot(progress.steps)

    return probe


class _DeletionProbe:
    """A probe that knows when the tenant is deleted softly, and until when that can be undone."""

    def __init__(self, handle: "WorkflowHandle[Any, Any]", slug: str, *, to_the_end: bool) -> None:
        self._handle = handle
        self._slug = slug
        self._to_the_end = to_the_end
        self.purge_at: datetime | None = None

    async def __call__(self) -> Snapshot:
        status = await self._handle.query(
            DELETION_QUERY, result_type=DeletionStatus, rpc_timeout=ANSWER_TIMEOUT
        )
        progress = await self._handle.query(
            PROGRESS_QUERY, result_type=Progress, rpc_timeout=ANSWER_TIMEOUT
        )
        self.purge_at = status.purge_at
        softly = progress.steps[0]  # in the order in which they run
        if softly.state is not StepState.DONE or status.state is not TenantState.DELETING:
            return Snapshot(progress.steps)
        if not self._to_the_end:
            return Snapshot(progress.steps, reached=True)
        return Snapshot(
            progress.steps,
            remark=f"its data will be gone at {output.moment(status.purge_at)}; "
            f"take it back until then with: fleetctl tenant restore {self._slug}",
        )
