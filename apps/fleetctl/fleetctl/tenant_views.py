"""`fleetctl tenant status` and `list`: what the catalogue and the running work say."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fleetctl import output
from fleetctl.arguments import AsJson, Slug, example
from fleetctl.exit_codes import ExitCode
from fleetctl.failures import Failure, explain
from fleetctl.follow import ANSWER_TIMEOUT
from fleetctl.session import Fleet, connect, open_catalog, run
from tenant_catalog.contracts.steps import Progress, Step
from tenant_catalog.contracts.tenants import (
    PROGRESS_QUERY,
    TenantState,
    deletion_id,
    provisioning_id,
)

if TYPE_CHECKING:
    from tenant_catalog.tenant_rows import TenantRow
    from tenant_catalog.tenants import TenantCatalog


def status(slug: Slug, as_json: AsJson = False) -> None:
    """Show a tenant, and the provisioning or deletion of it that is running."""
    run("tenant status", lambda: _status(slug, as_json=as_json))


def list_tenants(
    state: Annotated[TenantState | None, typer.Option(help="Only those in this state.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Deleted ones as well.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the tenants."""
    run("tenant list", lambda: _list(state, all=all, as_json=as_json))


STATUS_EXAMPLES: Final = example(
    "fleetctl tenant status acme", "fleetctl tenant status acme --json"
)
LIST_EXAMPLES: Final = example(
    "fleetctl tenant list", "fleetctl tenant list --state failed --json | jq -r '.tenants[].slug'"
)


@dataclass(frozen=True)
class _Operation:
    """A workflow that is running for a tenant."""

    name: str
    workflow_id: str
    steps: tuple[Step, ...] | None
    """None when no worker answers."""


async def _status(slug: str, *, as_json: bool) -> None:
    async with open_catalog() as catalog:
        row, missing = await _find(catalog, slug)
    operation: _Operation | None = None
    try:
        operation = await _running(await connect(), slug)
    except Exception as error:
        failure = explain(error)
        # Without a row the tenant may be in the making, so we cannot say that there is none.
        if row is None or failure.code is not ExitCode.UNREACHABLE:
            raise
        output.note(f"fleetctl: {failure.message}; whether work is running for it is not known")
    if row is None and operation is None:
        raise Failure(missing, type="TenantNotFound", code=ExitCode.NOT_FOUND)
    if as_json:
        known: dict[str, Any] = _as_json(row) if row else {"slug": slug, "state": None}
        output.document({**known, "operation": _operation_as_json(operation)})
        return
    output.result(output.facts(_facts(row) if row else [("slug", slug)]))
    if operation is not None:
        output.result(f"{operation.name} is running: workflow {operation.workflow_id}")
        output.result(_steps(operation))


async def _find(catalog: "TenantCatalog", slug: str) -> "tuple[TenantRow | None, str]":
    """The live tenant; or None, and what to say about that."""
    from tenant_catalog.errors import TenantNotFound

    try:
        return await catalog.get(slug), ""
    except TenantNotFound as error:
        tombstones = [row for row in await catalog.list(TenantState.DELETED) if row.slug == slug]
        if not tombstones:
            return None, str(error)
        purged = output.moment(tombstones[-1].purged_at)
        return None, f"{error}; the last one of that name was deleted for good at {purged}"


async def _running(fleet: Fleet, slug: str) -> _Operation | None:
    from temporalio.client import WorkflowExecutionStatus, WorkflowQueryFailedError
    from temporalio.service import RPCError, RPCStatusCode

    for name, id in (("provisioning", provisioning_id(slug)), ("deletion", deletion_id(slug))):
        handle = fleet.client.get_workflow_handle(id)
        try:
            described = await handle.describe()
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                continue
            raise
        if described.status is not WorkflowExecutionStatus.RUNNING:
            continue
        try:
            progress = await handle.query(
                PROGRESS_QUERY, result_type=Progress, rpc_timeout=ANSWER_TIMEOUT
            )
        except (RPCError, WorkflowQueryFailedError):
            return _Operation(name, id, None)
        return _Operation(name, id, progress.steps)
    return None


async def _list(state: TenantState | None, *, all: bool, as_json: bool) -> None:
    async with open_catalog() as catalog:
        rows = await catalog.list(state, include_deleted=all)
    if as_json:
        output.document({"tenants": [_as_json(row) for row in rows]})
    elif rows:
        output.table(
            ["slug", "state", "schema", "created", "name"],
            [
                [
                    row.slug,
                    row.state.value,
                    row.schema_name,
                    output.moment(row.created_at),
                    output.printable(row.display_name),
                ]
                for row in rows
            ],
        )
    else:
        output.note("no tenants" if state is None else f"no tenants that are {state.value}")


def _facts(row: "TenantRow") -> list[tuple[str, str]]:
    return [
        ("slug", row.slug),
        ("name", row.display_name),
        ("state", row.state.value),
        ("failure", row.failure or ""),
        ("id", str(row.tenant_id)),
        ("schema", row.schema_name),
        ("generation", str(row.generation)),
        ("created", output.moment(row.created_at)),
        ("activated", output.moment(row.activated_at)),
        ("deleted softly", output.moment(row.deleted_at)),
        ("restorable until", output.moment(row.purge_after)),
    ]


def _as_json(row: "TenantRow") -> dict[str, Any]:
    return {
        "slug": row.slug,
        "display_name": row.display_name,
        "state": row.state,
        "failure": row.failure,
        "tenant_id": row.tenant_id,
        "schema": row.schema_name,
        "generation": row.generation,
        "created_at": row.created_at,
        "activated_at": row.activated_at,
        "deleted_at": row.deleted_at,
        "purge_after": row.purge_after,
        "purged_at": row.purged_at,
    }


def _operation_as_json(operation: _Operation | None) -> dict[str, Any] | None:
    if operation is None:
        return None
    steps = operation.steps
    return {
        "name": operation.name,
        "workflow_id": operation.workflow_id,
        "steps": None if steps is None else [vars(step) for step in steps],
    }


def _steps(operation: _Operation) -> str:
    if operation.steps is None:
        return "  no worker answers; is the service running?"
    return output.facts(
        (f"  {step.name}", f"{step.state}{f' ({step.detail})' if step.detail else ''}")
        for step in operation.steps
    )
