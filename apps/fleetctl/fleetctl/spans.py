"""Traces of commands: one trace from `fleetctl tenant provision` to the SQL.

Only with an OTLP endpoint in the environment. A client has no use for spans that nobody receives.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from temporal_common.version import VERSION

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


@contextmanager
def traced(command: str, identity: str) -> Iterator[None]:
    """Runs the block as the root span of a trace, named after the command."""
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        yield
        return
    from opentelemetry import trace

    from temporal_common.tracing import tracing

    with (
        tracing("fleetctl", VERSION, identity),
        # The message of an error may name a person; that the command failed is enough.
        trace.get_tracer("fleetctl").start_as_current_span(command, record_exception=False),
    ):
        yield


@contextmanager
def untraced() -> Iterator[None]:
    """Leaves what the block does out of the trace: four queries a second would bury the rest."""
    if "opentelemetry.trace" not in sys.modules:
        yield
        return
    from opentelemetry import trace

    current = trace.get_current_span().get_span_context()
    if not current.is_valid:
        yield
        return
    unsampled = trace.SpanContext(
        current.trace_id, current.span_id, is_remote=False, trace_flags=trace.TraceFlags(0)
    )
    with trace.use_span(trace.NonRecordingSpan(unsampled)):
        yield
