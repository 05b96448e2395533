"""Logs by structlog: JSON in a pod, coloured on a terminal, the context of the work on every line.

Every module uses `log = structlog.get_logger()`. A line written inside a workflow or an activity
carries workflow id, run id, task queue and tenant; inside a trace its trace id and span id. A
workflow that replays its history stays silent. Lines of the standard library's `logging` (the SDK,
aiohttp, psycopg) leave in the same form.
"""

import logging
import sys
from typing import Final

import structlog
from opentelemetry import trace
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger
from temporalio import activity, workflow
from temporalio.exceptions import ApplicationError

from temporal_common.settings import LogSettings

_SDK_CONTEXT: Final = (
    "temporal_workflow",
    "temporal_activity",
    "__temporal_task_type",
    "__temporal_error_identifier",
)

# Not the default of `dict_tracebacks`, which writes every local variable: keys and tokens too.
_TRACEBACKS: Final = ExceptionRenderer(ExceptionDictTransformer(show_locals=False))


def configure_logs(settings: LogSettings, *, service: str, version: str) -> None:
    """Sets up structlog and `logging` for this process; again replaces the former set-up."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())

    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        event.setdefault("version", version)
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_temporal_context,
        add_trace_context,
        drop_sdk_context,
    ]
    if as_json:
        shared += [add_service, _TRACEBACKS]
    render: Processor = (
        structlog.processors.JSONRenderer(default=str)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            drop_while_replaying,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), summarise_failed_attempt, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    # For lines of `logging`; the formatter above may not drop any.
    handler.addFilter(lambda _record: not _is_replaying())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level.upper())
    # Our own lines tell of the drain; the SDK's come once for each task queue.
    logging.getLogger("temporalio.worker").setLevel(max(root.level, logging.WARNING))
    # Their context is on every line as fields already.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False


def drop_while_replaying(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A replayed line was written when it first happened."""
    if _is_replaying():
        raise structlog.DropEvent
    return event


def summarise_failed_attempt(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """One line for an activity that fails as it was written to, with no traceback.

    The SDK reports each failed attempt. An `ApplicationError` has been raised with a reason, by our
    interceptor for a `FleetError`; any other is a fault, and where it happened matters.
    """
    if event.get("__temporal_error_identifier") != "ActivityFailure":
        return event
    event["event"] = "activity failed"
    error = (event.get("exc_info") or (None, None))[1]
    if isinstance(error, ApplicationError):
        del event["exc_info"]
        event["reason"], event["error"] = error.message, error.type
        event["will_retry"] = not error.non_retryable
    return event


def _is_replaying() -> bool:
    return workflow.in_workflow() and workflow.unsafe.is_replaying_history_events()


def add_temporal_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Ids of the workflow or activity that writes the line. The tenant is its fairness key."""
    if workflow.in_workflow():
        info = workflow.info()
        event["workflow_id"], event["run_id"] = info.workflow_id, info.run_id
        event["workflow_type"], event["task_queue"] = info.workflow_type, info.task_queue
        tenant = info.priority.fairness_key
    elif activity.in_activity():
        running = activity.info()
        event["workflow_id"], event["run_id"] = running.workflow_id, running.workflow_run_id
        event["activity_type"], event["task_queue"] = running.activity_type, running.task_queue
        event["attempt"] = running.attempt
        tenant = running.priority.fairness_key
    else:
        return event
    if tenant:
        event["tenant"] = tenant
    return event


def add_trace_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event.update(trace_ids())
    return event


def trace_ids() -> dict[str, str]:
    """The current trace's and span's id, if there is one."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
    }


def drop_sdk_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The SDK's own loggers attach the same ids again, as dictionaries."""
    for key in _SDK_CONTEXT:
        event.pop(key, None)
    return event
