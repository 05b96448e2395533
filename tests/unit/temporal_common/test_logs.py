"""The form of a line. Lines of real workflows and activities: tests/integration."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
import structlog
from opentelemetry.sdk.trace import TracerProvider
from temporalio.exceptions import ApplicationError

from temporal_common.logs import configure_logs, summarise_failed_attempt
from temporal_common.settings import LogSettings

log = structlog.get_logger()

Configure = Callable[..., None]


@pytest.fixture
def configure() -> Iterator[Configure]:
    """`configure_logs`, undone after the test."""
    root, worker = logging.getLogger(), logging.getLogger("temporalio.worker")
    before = (root.handlers, root.level, worker.level, structlog.get_config())

    def apply(
        level: Literal["debug", "info", "warning", "error"] = "info",
        form: Literal["auto", "json", "console"] = "json",
    ) -> None:
        settings = LogSettings(level=level, format=form)
        configure_logs(settings, service="worker-tenant", version="1.2.3")

    yield apply
    root.handlers = before[0]
    root.setLevel(before[1])
    worker.setLevel(before[2])
    structlog.configure(**before[3])


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_of_json_has_the_event_its_fields_and_who_wrote_it(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure()
    log.info("tenant provisioned", slug="acme", tables=12)
    (line,) = written(capsys)

    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "tenant provisioned",
        "slug": "acme",
        "tables": 12,
        "level": "info",
        "service": "worker-tenant",
        "version": "1.2.3",
    }


def test_a_line_of_the_standard_library_has_the_same_form(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure()
    logging.getLogger("psycopg").warning("discarding %s", "a connection", extra={"pool": "main"})
    (line,) = written(capsys)

    assert (line["event"], line["level"], line["pool"]) == (
        "discarding a connection",
        "warning",
        "main",
    )
    assert line["service"] == "worker-tenant"


@pytest.mark.parametrize("own", [True, False], ids=["structlog", "logging"])
def test_an_exception_is_written_with_its_frames_and_without_local_variables(
    configure: Configure, capsys: pytest.CaptureFixture[str], own: bool
) -> None:
    configure()
    password = "hunter2"
    try:
        raise ValueError(f"{len(password)} characters are too few")
    except ValueError:
        (log if own else logging.getLogger("x")).exception("no")
    output = capsys.readouterr().err
    (exception,) = json.loads(output)["exception"]

    assert exception["exc_value"] == "7 characters are too few"
    assert exception["frames"][-1]["name"].startswith("test_an_exception")
    assert "hunter2" not in output


def test_what_is_no_json_is_written_as_text(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure()
    log.info("odd", value={1}, kind=int)
    (line,) = written(capsys)
    assert (line["value"], line["kind"]) == ("{1}", "<class 'int'>")


def test_inside_a_span_a_line_has_its_trace(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure()
    with TracerProvider().get_tracer("test").start_as_current_span("work") as span:
        log.info("inside")
    log.info("outside")
    inside, outside = written(capsys)

    assert inside["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert inside["span_id"] == f"{span.get_span_context().span_id:016x}"
    assert "trace_id" not in outside


@pytest.mark.parametrize(
    ("level", "seen"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_lines_below_the_level_are_not_written(
    configure: Configure,
    capsys: pytest.CaptureFixture[str],
    level: Literal["debug", "warning", "error"],
    seen: list[str],
) -> None:
    configure(level)
    for name in ("debug", "info", "warning", "error"):
        getattr(log, name)(name)
        getattr(logging.getLogger("x"), name)(name)

    assert [line["event"] for line in written(capsys)] == [name for name in seen for _ in "12"]


def test_the_console_has_no_colours_and_no_service_in_a_pipe(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(form="console")
    log.info("ready", port=8080)
    output = capsys.readouterr().err

    assert "ready" in output
    assert "port=8080" in output
    assert "\x1b" not in output
    assert "worker-tenant" not in output


@pytest.mark.parametrize("terminal", [True, False])
def test_auto_is_console_on_a_terminal_and_json_elsewhere(
    configure: Configure,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    terminal: bool,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    configure(form="auto")
    log.info("ready")
    assert capsys.readouterr().err.startswith("{") is not terminal


def test_configuring_again_replaces_the_former_set_up(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure()
    configure()
    log.info("once")
    assert len(written(capsys)) == 1


def test_the_sdks_line_for_each_worker_that_shuts_down_is_left_out(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    configure()
    worker = logging.getLogger("temporalio.worker._worker")
    worker.info("Beginning worker shutdown, will wait 0:00:20 before cancelling activities")
    worker.error("Worker failed, shutting down")
    assert [line["event"] for line in written(capsys)] == ["Worker failed, shutting down"]


def attempt(error: Exception) -> dict[str, Any]:
    """The SDK's report of a failed attempt, as the first processor gets and leaves it."""
    report: dict[str, Any] = {
        "event": "Completing activity as failed",
        "__temporal_error_identifier": "ActivityFailure",
        "exc_info": (type(error), error, None),
    }
    return dict(summarise_failed_attempt(None, "warning", report))


def test_an_attempt_that_failed_with_a_reason_is_summarised() -> None:
    line = attempt(ApplicationError("acme exists", type="TenantExists", non_retryable=True))

    assert (line["event"], line["reason"], line["error"], line["will_retry"]) == (
        "activity failed",
        "acme exists",
        "TenantExists",
        False,
    )
    assert "exc_info" not in line


def test_an_attempt_that_failed_by_a_fault_keeps_its_traceback() -> None:
    line = attempt(KeyError("slug"))
    assert line["event"] == "activity failed"
    assert isinstance(line["exc_info"][1], KeyError)


def test_every_other_line_stays_as_it_is() -> None:
    line: dict[str, Any] = {"event": "Completing activity as failed"}
    assert summarise_failed_attempt(None, "warning", dict(line)) == line
