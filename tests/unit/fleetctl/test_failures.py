"""From errors to one line and an exit code."""

from itertools import pairwise

import typer
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    FailureError,
    RetryState,
    TerminatedError,
)
from temporalio.service import RPCError, RPCStatusCode

from fleetctl.exit_codes import ExitCode
from fleetctl.failures import Failure, explain, explain_work
from temporal_common.client import TemporalUnavailable
from temporal_common.errors import Refused, SettingsError
from tenant_catalog.errors import DatabaseRefused, DatabaseUnavailable, TenantNotFound


def failed_workflow(*causes: FailureError) -> WorkflowFailureError:
    """A workflow that failed because of the first, which has the second as its cause, …"""
    for outer, inner in pairwise(causes):
        outer.__cause__ = inner
    return WorkflowFailureError(cause=causes[0])


def failed_activity() -> ActivityError:
    return ActivityError(
        "Activity task failed",
        scheduled_event_id=1,
        started_event_id=2,
        identity="worker",
        activity_type="reserve_tenant",
        activity_id="1",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )


def test_a_failed_workflow_is_explained_by_what_its_activity_raised() -> None:
    error = failed_workflow(
        failed_activity(),
        ApplicationError("tenant 'acme' exists already", type="TenantExists"),
        ApplicationError("duplicate key", type="UniqueViolation"),
    )

    failure = explain_work(error, "the provisioning of acme")

    assert failure.message == "tenant 'acme' exists already"
    assert (failure.type, failure.code) == ("TenantExists", ExitCode.CONFLICT)


def test_an_error_that_a_person_does_not_know_says_which_work_failed() -> None:
    error = failed_workflow(
        failed_activity(), ApplicationError("disk\nfull", type="DatabaseRefused")
    )

    failure = explain_work(error, "the provisioning of acme")

    assert failure.message == "the provisioning of acme failed: disk full"
    assert (failure.type, failure.code) == ("DatabaseRefused", ExitCode.FAILED)


def test_a_refused_update_is_refused() -> None:
    error = WorkflowUpdateFailedError(ApplicationError("too late", type="TooLate"))

    assert explain_work(error, "the restoring of acme").code is ExitCode.REFUSED


def test_an_activity_without_a_reason_is_a_failure_of_the_work() -> None:
    failure = explain_work(failed_workflow(failed_activity()), "the work")

    assert failure.message == "the work failed: Activity task failed"


def test_cancelled_and_terminated_work_says_so() -> None:
    cancelled = explain_work(failed_workflow(CancelledError("")), "the work")
    terminated = explain_work(failed_workflow(TerminatedError("by hand")), "the work")

    assert cancelled.message == "the work was cancelled"
    assert terminated.message == "the work was terminated: by hand"
    assert cancelled.code is terminated.code is ExitCode.FAILED


def test_a_server_that_is_away_is_unreachable() -> None:
    errors = [
        TemporalUnavailable("Temporal cannot be reached"),
        DatabaseUnavailable("Postgres is not reachable"),
        RPCError("connect error", RPCStatusCode.UNAVAILABLE, b""),
        RPCError("no answer", RPCStatusCode.DEADLINE_EXCEEDED, b""),
    ]

    assert {explain(error).code for error in errors} == {ExitCode.UNREACHABLE}


def test_refused_credentials_are_a_setting_that_is_wrong() -> None:
    failure = explain(RPCError("bad key", RPCStatusCode.PERMISSION_DENIED, b""))

    assert failure.code is ExitCode.USAGE
    assert "TEMPORAL_API_KEY" in failure.message


def test_our_own_errors_keep_their_line_and_name() -> None:
    failure = explain(TenantNotFound("there is no tenant 'acme'"))

    assert (failure.message, failure.type) == ("there is no tenant 'acme'", "TenantNotFound")
    assert failure.code is ExitCode.NOT_FOUND
    assert explain(DatabaseRefused("no right")).code is ExitCode.FAILED
    assert explain(Refused("no")).code is ExitCode.FAILED
    assert explain(SettingsError("X=1 is not valid")).code is ExitCode.USAGE


def test_ctrl_c_is_interrupted() -> None:
    assert explain(KeyboardInterrupt()).code == 130


def test_a_failure_explains_itself() -> None:
    failure = Failure("line", type="Kind", code=ExitCode.REFUSED)

    assert explain(failure) is failure


def test_a_usage_error_is_one_line() -> None:
    failure = explain(typer.BadParameter("'x' is\nwrong.", param_hint="--name"))

    assert failure.message == "Invalid value for --name: 'x' is wrong"
    assert failure.code is ExitCode.USAGE


def test_an_error_that_nobody_foresaw_asks_to_be_reported() -> None:
    failure = explain(ZeroDivisionError("division\nby zero"))

    assert failure.code is ExitCode.FAILED
    assert failure.message.startswith(
        "internal error, please report it: ZeroDivisionError: division by zero "
    )
