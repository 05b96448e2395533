"""From any error to one line and an exit code."""

import sys
from typing import TYPE_CHECKING, Final

import typer

from fleetctl.exit_codes import ExitCode
from temporal_common.errors import FleetError, SettingsError, Unavailable

if TYPE_CHECKING:
    from temporalio.service import RPCError

# Errors have the same name on both sides: the class here, and the `type` of the ApplicationError
# that a worker made of it.
_CODES: Final = {
    "TenantExists": ExitCode.CONFLICT,
    "UserExists": ExitCode.CONFLICT,
    "TenantNotFound": ExitCode.NOT_FOUND,
    "MemberNotFound": ExitCode.NOT_FOUND,
    "IllegalTransition": ExitCode.REFUSED,
    "StaleGeneration": ExitCode.REFUSED,
    "InvalidToken": ExitCode.REFUSED,
    "NotWaiting": ExitCode.REFUSED,
    "TooLate": ExitCode.REFUSED,
    "InvalidInput": ExitCode.USAGE,
    "DeploymentNotFound": ExitCode.NOT_FOUND,
    "VersionNotFound": ExitCode.NOT_FOUND,
    "AnotherRollout": ExitCode.CONFLICT,
    "DeploymentChanged": ExitCode.CONFLICT,
    "ManagedElsewhere": ExitCode.REFUSED,
    "NotPolled": ExitCode.REFUSED,
    "NothingToRollBack": ExitCode.REFUSED,
    "RolloutRefused": ExitCode.REFUSED,
    "VersionInUse": ExitCode.REFUSED,
    "InvalidDeployment": ExitCode.USAGE,
    "InvalidPercentage": ExitCode.USAGE,
}


class Failure(Exception):
    """A command ends here: with a line for a person, a type for a machine, and an exit code."""

    def __init__(self, message: str, *, type: str, code: ExitCode) -> None:
        super().__init__(message)
        self.message = message
        self.type = type
        self.code = code


def explain(error: BaseException) -> Failure:
    """What to say about any error that ends a command."""
    match error:
        case Failure():
            return error
        case KeyboardInterrupt():
            return Failure("interrupted", type="Interrupted", code=ExitCode.INTERRUPTED)
        case typer.TyperException():
            return _usage(error)
        case SettingsError():
            return Failure(str(error), type="SettingsError", code=ExitCode.USAGE)
        case FleetError():
            default = ExitCode.UNREACHABLE if isinstance(error, Unavailable) else ExitCode.FAILED
            name = type(error).__name__
            return Failure(str(error), type=name, code=_CODES.get(name, default))
        case OSError():
            return Failure(_one_line(str(error)), type="OSError", code=ExitCode.FAILED)
    if "temporalio" in sys.modules:
        from temporalio.service import RPCError

        if isinstance(error, RPCError):
            return _rpc(error)
    return Failure(
        f"internal error, please report it: {type(error).__name__}: {_one_line(str(error))} "
        "(FLEETCTL_DEBUG=1 shows where)",
        type="InternalError",
        code=ExitCode.FAILED,
    )


def explain_work(error: Exception, work: str) -> Failure:
    """As `explain`, for the failure of a workflow or an update; `work` is what it did.

    Temporal nests them: that the workflow failed, because an activity failed, because of what the
    activity raised. The last of these is what a person has to know.
    """
    from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
    from temporalio.exceptions import (
        ApplicationError,
        CancelledError,
        FailureError,
        TerminatedError,
        TimeoutError,
    )

    if not isinstance(error, WorkflowFailureError | WorkflowUpdateFailedError):
        return explain(error)
    cause: BaseException | None = error.cause
    # No deeper than the first ApplicationError: below it are a library's own errors.
    while isinstance(cause, FailureError) and not isinstance(cause, ApplicationError):
        if not isinstance(cause.cause, FailureError):
            break
        cause = cause.cause
    message = _one_line(cause.message if isinstance(cause, FailureError) else str(cause))
    match cause:
        case ApplicationError():
            name = cause.type or "ApplicationError"
            if name in _CODES:
                return Failure(message, type=name, code=_CODES[name])
            return Failure(f"{work} failed: {message}", type=name, code=ExitCode.FAILED)
        case CancelledError():
            return Failure(f"{work} was cancelled", type="Cancelled", code=ExitCode.FAILED)
        case TerminatedError():
            reason = f": {message}" if message else ""
            return Failure(
                f"{work} was terminated{reason}", type="Terminated", code=ExitCode.FAILED
            )
        case TimeoutError():
            return Failure(f"{work} timed out: {message}", type="TimedOut", code=ExitCode.FAILED)
        case _:
            return Failure(f"{work} failed: {message}", type="WorkflowFailed", code=ExitCode.FAILED)


def _usage(error: typer.TyperException) -> Failure:
    context: typer.Context | None = getattr(error, "ctx", None)
    hint = f" (see: {context.command_path} --help)" if context else ""
    return Failure(
        _one_line(error.format_message()).replace("Value error, ", "").rstrip(".") + hint,
        type="UsageError",
        code=ExitCode.USAGE,
    )


def _rpc(error: "RPCError") -> Failure:
    from temporalio.service import RPCStatusCode

    message = _one_line(error.message)
    match error.status:
        case RPCStatusCode.UNAUTHENTICATED | RPCStatusCode.PERMISSION_DENIED:
            return Failure(
                f"Temporal refuses our credentials: {message} "
                "(TEMPORAL_API_KEY or TEMPORAL_TLS_CLIENT_…)",
                type="SettingsError",
                code=ExitCode.USAGE,
            )
        case RPCStatusCode.NOT_FOUND:
            return Failure(f"Temporal: {message}", type="NotFound", code=ExitCode.NOT_FOUND)
        case (
            RPCStatusCode.UNAVAILABLE
            | RPCStatusCode.DEADLINE_EXCEEDED
            | RPCStatusCode.CANCELLED
            | RPCStatusCode.RESOURCE_EXHAUSTED
            | RPCStatusCode.UNKNOWN
        ):
            return Failure(
                f"Temporal does not answer: {message} (TEMPORAL_ADDRESS)",
                type="TemporalUnavailable",
                code=ExitCode.UNREACHABLE,
            )
        case _:
            return Failure(f"Temporal: {message}", type="TemporalError", code=ExitCode.FAILED)


def _one_line(text: str) -> str:
    return " ".join(text.split())
