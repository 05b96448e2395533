"""OpenTelemetry tracing: client → workflow → activity → SQL, in one trace.

Standard variables configure it (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, …). Without an
endpoint spans are made but not exported, so that logs still carry trace ids. The W3C trace context
travels through the queue in the headers of workflows and activities.
"""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from temporalio import workflow
from temporalio.contrib.opentelemetry import (
    TracingInterceptor,
    TracingWorkflowInboundInterceptor,
)
from temporalio.worker import WorkflowInterceptorClassInput

log = structlog.get_logger()

_FLUSH_SECONDS: Final = 5.0
_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")


def tracing_interceptor() -> TracingInterceptor:
    """For the client; a worker made with that client applies it as well."""
    return _Tracing()


class _Tracing(TracingInterceptor):
    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[TracingWorkflowInboundInterceptor]:
        super().workflow_interceptor_class(input)
        return _WorkflowTracing


class _WorkflowTracing(TracingWorkflowInboundInterceptor):
    """Gives a run that no traced client started a trace of its own.

    A schedule or the `temporal` command sends no context; each attempt of each activity would then
    begin a trace, and the workflow would have none. The trace's id is the run's id without its
    hyphens, so that a replay in another process finds the same.
    """

    def _load_workflow_context_carrier(self) -> dict[str, list[str] | str] | None:
        # The one place where the SDK's class asks for the context that came with the start. Not
        # public; tests/integration/temporal_common/test_logs_of_work.py holds it.
        carrier = super()._load_workflow_context_carrier()
        if carrier is None:
            trace_id = workflow.info().run_id.replace("-", "")
            if _TRACE_ID.fullmatch(trace_id):
                carrier = {"traceparent": f"00-{trace_id}-{trace_id[-16:]}-01"}
        return carrier


@contextmanager
def tracing(
    service: str, version: str, instance: str, *, exporter: SpanExporter | None = None
) -> Iterator[TracerProvider]:
    """Installs the process's tracer provider; flushes on exit, for 5 s at most.

    Args:
        exporter: Where spans go; by default OTLP over HTTP when an endpoint is set.
    """
    resource = Resource.create(
        {SERVICE_NAME: service, SERVICE_VERSION: version, SERVICE_INSTANCE_ID: instance}
    )
    provider = TracerProvider(resource=resource)
    exporter = exporter or _otlp_exporter()
    if exporter is not None:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    try:
        yield provider
    finally:
        # In a thread, because OpenTelemetry keeps to no limit of ours: with a collector that does
        # not answer, one batch of spans takes the exporter's 10 s.
        closing = threading.Thread(target=provider.shutdown, name="flush-traces", daemon=True)
        closing.start()
        closing.join(_FLUSH_SECONDS)
        if closing.is_alive():
            log.warning("the last traces were not delivered in time", seconds=_FLUSH_SECONDS)


def _otlp_exporter() -> SpanExporter | None:
    if not (
        os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    ):
        return None
    # Here and not above: requests and protobuf cost a process without an endpoint 10 MB.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()
