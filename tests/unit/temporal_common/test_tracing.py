"""The tracer provider of a process."""

import socket

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dev_servers.ports import HOST
from temporal_common import tracing as module
from temporal_common.tracing import tracing


def test_spans_are_delivered_at_the_end_with_the_names_of_the_service() -> None:
    exporter = InMemorySpanExporter()
    with tracing("worker-tenant", "1.2.3", "worker-tenant@pod", exporter=exporter) as provider:
        provider.get_tracer("test").start_span("work").end()

    (span,) = exporter.get_finished_spans()
    assert span.name == "work"
    assert span.resource.attributes["service.name"] == "worker-tenant"
    assert span.resource.attributes["service.version"] == "1.2.3"
    assert span.resource.attributes["service.instance.id"] == "worker-tenant@pod"


def test_without_an_endpoint_spans_have_ids_and_go_nowhere() -> None:
    with tracing("worker-tenant", "1.2.3", "worker-tenant@pod") as provider:
        span = provider.get_tracer("test").start_span("work")
    assert span.get_span_context().is_valid
    assert provider._active_span_processor._span_processors == ()


def test_a_collector_that_does_not_answer_cannot_hold_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "_FLUSH_SECONDS", 0.1)
    with socket.create_server((HOST, 0)) as silent:
        endpoint = f"http://{HOST}:{silent.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        with tracing("worker-tenant", "1.2.3", "worker-tenant@pod") as provider:
            provider.get_tracer("test").start_span("work").end()

    assert "the last traces were not delivered in time" in capsys.readouterr().out
