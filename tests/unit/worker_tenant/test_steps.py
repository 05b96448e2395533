from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    FailureError,
    RetryState,
    TimeoutError,
    TimeoutType,
)

from worker_tenant.workflows.steps import root_message


def failed_activity(cause: BaseException) -> ActivityError:
    error = ActivityError(
        "Activity task failed",
        scheduled_event_id=5,
        started_event_id=6,
        identity="worker-tenant@host",
        activity_type="create_schema",
        activity_id="1",
        retry_state=RetryState.NON_RETRYABLE_FAILURE,
    )
    error.__cause__ = cause
    return error


def timed_out(cause: BaseException | None) -> TimeoutError:
    error = TimeoutError(
        "activity ScheduleToClose timeout",
        type=TimeoutType.SCHEDULE_TO_CLOSE,
        last_heartbeat_details=[],
    )
    error.__cause__ = cause
    return error


def database_refused() -> ApplicationError:
    """As our interceptor raises it: with our line, and the driver's error below."""
    error = ApplicationError("permission denied; give the role that right", type="DatabaseRefused")
    error.__cause__ = ApplicationError("permission denied", type="InsufficientPrivilege")
    return error


def test_an_activity_that_failed_gives_its_own_line_and_not_the_drivers() -> None:
    assert root_message(failed_activity(database_refused())) == (
        "permission denied; give the role that right"
    )


def test_an_activity_that_was_given_up_gives_what_its_last_attempt_failed_with() -> None:
    assert root_message(failed_activity(timed_out(database_refused()))) == (
        "permission denied; give the role that right"
    )


def test_an_activity_that_was_never_answered_gives_the_timeout() -> None:
    assert root_message(failed_activity(timed_out(None))) == "activity ScheduleToClose timeout"


def test_a_failure_without_an_activity_gives_its_message() -> None:
    error: FailureError = ApplicationError("the reason")
    assert root_message(error) == "the reason"
