"""What a command leaves in a trace."""

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from fleetctl.spans import traced, untraced


def test_what_is_untraced_is_not_exported_and_what_follows_is() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("test")

    with tracer.start_as_current_span("command"):
        with untraced(), tracer.start_as_current_span("query"):
            pass
        with tracer.start_as_current_span("start"):
            pass

    assert [span.name for span in exporter.get_finished_spans()] == ["start", "command"]


def test_without_an_endpoint_there_is_no_span() -> None:
    with traced("fleetctl tenant list", "me"):
        assert not trace.get_current_span().get_span_context().is_valid
