"""OpenTelemetry tracing: client → workflow → activity → SQL, in one trace.

Standard variables configure it (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, …). Without an
endpoint spans are made but not exported, so that logs still carry trace ids. The W3C trace context
travels through the queue in the headers of workflows and activities.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from temporalio.client import Interceptor
from temporalio.contrib.opentelemetry import TracingInterceptor

_FLUSH_MILLISECONDS: Final = 5_000


def client_interceptors() -> Sequence[Interceptor]:
    """On the client; a worker made with that client applies them as well."""
    return [TracingInterceptor()]


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
        provider.force_flush(_FLUSH_MILLISECONDS)
        provider.shutdown()


def _otlp_exporter() -> SpanExporter | None:
    if not (
        os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    ):
        return None
    # Here and not above: requests and protobuf cost a process without an endpoint 10 MB.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()
