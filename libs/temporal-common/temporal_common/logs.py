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
from structlog.typing import EventDict, Processor, WrappedLogger
from temporalio import activity, workflow

from temporal_common.settings import LogSettings

_NOISY: Final = {
    "aiohttp.access": logging.WARNING,
    # The SDK warns of each failed activity attempt and then raises it; once is enough.
    "temporalio.activity": logging.ERROR,
}


def configure_logs(settings: LogSettings, *, service: str, version: str) -> None:
    """Sets up structlog and `logging` for this process; again replaces the former set-up."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())

    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        event.setdefault("version", version)
        return event

    shared: list[Processor] = [
        drop_while_replaying,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_temporal_context,
        add_trace_context,
        drop_sdk_context,
    ]
    if as_json:
        shared += [add_service, structlog.processors.dict_tracebacks]
    render: Processor = (
        structlog.processors.JSONRenderer(default=str)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(settings.level),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level.upper())
    for name, level in _NOISY.items():
        logging.getLogger(name).setLevel(level)


def drop_while_replaying(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A replayed line was written when it first happened."""
    if workflow.in_workflow() and workflow.unsafe.is_replaying_history_events():
        raise structlog.DropEvent
    return event


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
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def drop_sdk_context(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The SDK's own loggers attach the same ids again, as dictionaries."""
    for key in ("temporal_workflow", "temporal_activity", "__temporal_task_type"):
        event.pop(key, None)
    return event
