"""The commands, put together."""

from typing import Annotated, Any, Final

import typer

from fleetctl import (
    deploy_views,
    deploys,
    doctor,
    shard_plan,
    shards,
    tenant_views,
    tenants,
    tokens,
    users,
)
from fleetctl.arguments import example
from fleetctl.exit_codes import MEANINGS, ExitCode
from temporal_common.version import VERSION

_HELP_OPTIONS: Final[dict[str, Any]] = {"help_option_names": ["-h", "--help"]}

_EPILOG: Final = "\n\n".join(
    [
        "Temporal is found as by every Temporal client: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, "
        "TEMPORAL_API_KEY, TEMPORAL_TLS_… or a profile of temporal.toml. Postgres is found by "
        "DATABASE_URL, task queues by TEMPORAL_QUEUE_PREFIX and TEMPORAL_QUEUE_SHARDS.",
        "Exit codes:\n"
        + "\n".join(f"{code.value:>3}  {meaning}" for code, meaning in MEANINGS.items()),
        example("fleetctl tenant provision acme --admin-email admin@acme.test"),
    ]
)


def _help_alone(context: typer.Context) -> None:
    """A group without a command shows its help, and that is a usage error for a script."""
    if context.invoked_subcommand is None:
        context.get_help()
        raise typer.Exit(ExitCode.USAGE)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fleetctl {VERSION}")
        raise typer.Exit()


def _root(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Tenants, users and tokens of a worker fleet, and the fleet itself."""
    _help_alone(context)


def _group(name: str, help: str) -> typer.Typer:
    group = typer.Typer(name=name, help=help, context_settings=_HELP_OPTIONS)
    group.callback(invoke_without_command=True)(_help_alone)
    app.add_typer(group)
    return group


app = typer.Typer(
    name="fleetctl",
    epilog=_EPILOG,
    context_settings=_HELP_OPTIONS,
    pretty_exceptions_enable=False,
)
app.callback(invoke_without_command=True)(_root)

_tenant = _group("tenant", "Provision, look at, delete and restore tenants.")
_tenant.command(epilog=tenants.PROVISION_EXAMPLES)(tenants.provision)
_tenant.command(epilog=tenant_views.STATUS_EXAMPLES)(tenant_views.status)
_tenant.command("list", epilog=tenant_views.LIST_EXAMPLES)(tenant_views.list_tenants)
_tenant.command(epilog=tenants.DELETE_EXAMPLES)(tenants.delete)
_tenant.command(epilog=tenants.RESTORE_EXAMPLES)(tenants.restore)

_user = _group("user", "Onboard users to a tenant.")
_user.command(epilog=users.ONBOARD_EXAMPLES)(users.onboard)
_user.command(epilog=users.VERIFY_EXAMPLES)(users.verify)

_token = _group("token", "Refresh tokens, verification tokens and invites.")
_token.command(epilog=tokens.CLEANUP_EXAMPLES)(tokens.cleanup)

_deploy = _group("deploy", "Roll a version of a service out, and back.")
_deploy.command(epilog=deploy_views.STATUS_EXAMPLES)(deploy_views.status)
_deploy.command(epilog=deploys.RAMP_EXAMPLES)(deploys.ramp)
_deploy.command(epilog=deploys.PROMOTE_EXAMPLES)(deploys.promote)
_deploy.command(epilog=deploys.ROLLBACK_EXAMPLES)(deploys.rollback)
_deploy.command(epilog=deploys.RETIRE_EXAMPLES)(deploys.retire)

_shards = _group("shards", "Task queues of the shards, and changing their number.")
_shards.command(epilog=shards.STATUS_EXAMPLES)(shards.status)
_shards.command(epilog=shard_plan.EXAMPLES)(shard_plan.plan)

app.command(epilog=doctor.EXAMPLES)(doctor.doctor)
