"""`fleetctl user onboard` and `verify`."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from fleetctl import output
from fleetctl.arguments import AsJson, Email, Slug, duration_option, example
from fleetctl.exit_codes import ExitCode
from fleetctl.failures import Failure
from fleetctl.follow import ANSWER_TIMEOUT, Probe, Snapshot, Work, follow, one_step
from fleetctl.session import connect, run
from fleetctl.started import started
from tenant_catalog.contracts.steps import Step, StepState
from tenant_catalog.contracts.users import (
    ONBOARDING_QUERY,
    ONBOARDING_WORKFLOW,
    VERIFY_UPDATE,
    OnboardedUser,
    OnboardingState,
    OnboardingStatus,
    OnboardUser,
    Role,
    VerifyEmail,
    onboarding_id,
)

if TYPE_CHECKING:
    from temporalio.client import WorkflowHandle

_REMIND_AFTER: Final = timedelta(days=2)
_EXPIRE_AFTER: Final = timedelta(days=7)


def onboard(
    slug: Slug,
    email: Email,
    name: Annotated[str, typer.Option(help="The user's name, shown to people.")] = "",
    role: Annotated[Role, typer.Option(help="What the user may do in the tenant.")] = Role.MEMBER,
    remind_after: Annotated[
        timedelta, duration_option("--remind-after", "2d", "When to remind the user, once.")
    ] = _REMIND_AFTER,
    expire_after: Annotated[
        timedelta, duration_option("--expire-after", "7d", "When the invitation lapses.")
    ] = _EXPIRE_AFTER,
    wait: Annotated[
        bool | None,
        typer.Option(
            "--wait/--no-wait",
            help="Wait until the user is active or the invitation lapsed, or for nothing.",
            show_default="wait until the verification mail is out",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Onboard a user to a tenant: membership, verification mail, reminder, activation."""
    request = OnboardUser(
        slug,
        email,
        name,
        role,
        # A reminder at the very end is none: shortening --expire-after alone stays possible.
        min(remind_after, expire_after),
        expire_after,
    )
    run("user onboard", lambda: _onboard(request, wait=wait, as_json=as_json))


def verify(
    slug: Slug,
    email: Email,
    token: Annotated[str, typer.Argument(help="The token from the verification mail.")],
    as_json: AsJson = False,
) -> None:
    """Verify a user's e-mail address with the token from the mail; the user is active then."""
    run("user verify", lambda: _verify(slug, email, token.strip(), as_json=as_json))


ONBOARD_EXAMPLES: Final = example(
    "fleetctl user onboard acme ada@acme.test",
    "fleetctl user onboard acme ada@acme.test --role admin --expire-after 1d",
)
VERIFY_EXAMPLES: Final = example("fleetctl user verify acme ada@acme.test TOKEN")


async def _onboard(request: OnboardUser, *, wait: bool | None, as_json: bool) -> None:
    from temporal_common.routing import INTERACTIVE

    slug, email, id = request.slug, request.email, onboarding_id(request.slug, request.email)
    fleet = await connect()
    route = fleet.router.tenant(slug, urgency=INTERACTIVE)
    handle = await fleet.start(
        ONBOARDING_WORKFLOW,
        request,
        id=id,
        route=route,
        result_type=OnboardedUser,
        running=f"{email} is being onboarded to {slug} already; verify with: {_verifying(request)}",
    )
    work = Work(
        f"the onboarding of {email}",
        fleet.client,
        handle,
        route.task_queue,
        f"temporal workflow describe --workflow-id {id}",
    )
    started(work, waiting=wait is not False, as_json=as_json)
    if wait is False:
        return
    onboarded = await follow(
        work, handle.result(), _onboarding(handle, request, to_the_end=bool(wait))
    )
    if onboarded is not None and onboarded.state is OnboardingState.EXPIRED:
        raise Failure(
            f"the invitation of {email} to {slug} lapsed without a verification",
            type="Expired",
            code=ExitCode.FAILED,
        )
    if onboarded is None:
        await _require_mail(handle, request)
    state = onboarded.state if onboarded else OnboardingState.WAITING
    if as_json:
        output.document(
            {
                "slug": slug,
                "email": email,
                "state": state,
                "user_id": onboarded.user_id if onboarded else None,
                "workflow_id": id,
            }
        )
    elif onboarded is not None:
        output.result(f"{email} is an active {request.role.value} of {slug}")
    else:
        output.result(
            f"{email} is invited to {slug}; the token is in the mail\n"
            f"verify with: {_verifying(request)}"
        )


async def _require_mail(handle: "WorkflowHandle[Any, Any]", request: OnboardUser) -> None:
    """The token is in that mail alone: without it there is nothing to verify with."""
    status = await handle.query(
        ONBOARDING_QUERY, result_type=OnboardingStatus, rpc_timeout=ANSWER_TIMEOUT
    )
    if status.mail != "sent":
        raise Failure(
            f"the verification mail to {request.email} could not be sent: {status.mail}; "
            f"a reminder with another token follows in {request.remind_after}",
            type="MailNotSent",
            code=ExitCode.FAILED,
        )


async def _verify(slug: str, email: str, token: str, *, as_json: bool) -> None:
    from temporalio.service import RPCError, RPCStatusCode

    from temporal_common.routing import INTERACTIVE

    id = onboarding_id(slug, email)
    fleet = await connect()
    handle = fleet.client.get_workflow_handle(id)
    work = Work(
        f"the verification of {email}",
        fleet.client,
        handle,
        fleet.router.tenant(slug, urgency=INTERACTIVE).task_queue,
        f"temporal workflow describe --workflow-id {id}",
    )
    update = handle.execute_update(
        VERIFY_UPDATE, VerifyEmail.with_token(token), result_type=OnboardingStatus
    )
    try:
        status = await follow(work, update, one_step(handle, "verification"))
    except Failure as failure:
        reason = failure.__cause__
        if isinstance(reason, RPCError) and reason.status == RPCStatusCode.NOT_FOUND:
            raise Failure(
                f"no onboarding of {email} to {slug} is running; "
                f"begin one with: fleetctl user onboard {slug} {email}",
                type="NotFound",
                code=ExitCode.NOT_FOUND,
            ) from None
        raise
    assert status is not None, "only the end of the update ends this wait"
    if status.state is not OnboardingState.ACTIVE:
        raise Failure(
            f"the invitation of {email} to {slug} lapsed just before",
            type="Expired",
            code=ExitCode.REFUSED,
        )
    if as_json:
        output.document({"slug": slug, "email": email, "state": status.state})
    else:
        output.result(f"{email} is verified and active in {slug}")


def _onboarding(
    handle: "WorkflowHandle[Any, Any]", request: OnboardUser, *, to_the_end: bool
) -> Probe:
    async def probe() -> Snapshot:
        status = await handle.query(
            ONBOARDING_QUERY, result_type=OnboardingStatus, rpc_timeout=ANSWER_TIMEOUT
        )
        state = status.state
        mailed = state is not OnboardingState.STARTING
        sent = StepState.DONE if status.mail == "sent" else StepState.FAILED
        steps = [
            Step("verification mail", sent, "" if sent is StepState.DONE else status.mail)
            if mailed
            else Step("verification mail", StepState.RUNNING)
        ]
        if to_the_end:
            verified = {
                OnboardingState.STARTING: StepState.PENDING,
                OnboardingState.WAITING: StepState.RUNNING,
                OnboardingState.ACTIVE: StepState.DONE,
                OnboardingState.EXPIRED: StepState.FAILED,
            }[state]
            detail = "reminded" if status.reminded else ""
            steps.append(Step("verification", verified, detail))
        waiting = to_the_end and state is OnboardingState.WAITING
        return Snapshot(
            tuple(steps),
            reached=mailed and not to_the_end,
            remark=f"verify with: {_verifying(request)}" if waiting else "",
        )

    return probe


def _verifying(request: OnboardUser) -> str:
    return f"fleetctl user verify {request.slug} {request.email} TOKEN"
