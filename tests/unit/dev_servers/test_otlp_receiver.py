"""The OTLP receiver takes what a real exporter sends and draws it as a tree."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    Tracer,
    set_span_in_context,
)

from dev_servers.errors import PortInUse
from dev_servers.otlp_receiver import OtlpReceiver, otlp_receiver


@pytest.fixture
async def receiver() -> AsyncIterator[OtlpReceiver]:
    async with otlp_receiver() as receiver:
        yield receiver


class Service:
    """A traced program; its spans are sent when the block ends."""

    def __init__(
        self,
        name: str,
        receiver: OtlpReceiver,
        compression: Compression = Compression.NoCompression,
    ) -> None:
        self._provider = TracerProvider(resource=Resource({"service.name": name}))
        exporter = OTLPSpanExporter(f"{receiver.endpoint}/v1/traces", compression=compression)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))

    async def __aenter__(self) -> Tracer:
        return self._provider.get_tracer("test")

    async def __aexit__(self, *_: object) -> None:
        # In a thread: the exporter blocks until this loop has answered it.
        await asyncio.to_thread(self._provider.shutdown)


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
async def test_a_span_arrives_with_its_service_times_and_attributes(
    receiver: OtlpReceiver, compression: Compression
) -> None:
    async with Service("shop", receiver, compression) as tracer:
        sent = tracer.start_span(
            "buy", attributes={"sku": "a1", "count": 2, "gift": True, "tags": ["x", "y"]}
        )
        sent.end()

    [span] = receiver.spans
    assert (span.name, span.service, span.parent_id) == ("buy", "shop", None)
    assert span.attributes == {"sku": "a1", "count": 2, "gift": True, "tags": ["x", "y"]}
    assert span.trace_id == f"{sent.get_span_context().trace_id:032x}"
    assert 0 < span.start_ns <= span.end_ns
    assert not span.failed


async def test_a_span_that_raised_is_marked_as_failed(receiver: OtlpReceiver) -> None:
    async with Service("shop", receiver) as tracer:
        with pytest.raises(KeyError), tracer.start_as_current_span("buy"):
            raise KeyError

    assert receiver.spans[0].failed


async def test_one_trace_of_two_services_is_drawn_as_one_tree(receiver: OtlpReceiver) -> None:
    async with Service("client", receiver) as client, Service("worker", receiver) as worker:
        with client.start_as_current_span("start"):
            with worker.start_as_current_span("run"), worker.start_as_current_span("INSERT"):
                pass
            with worker.start_as_current_span("mail"):
                pass
        with client.start_as_current_span("another trace"):
            pass

    trace_id = next(span.trace_id for span in receiver.spans if span.name == "INSERT")
    assert len(receiver.roots(trace_id)) == 1
    assert receiver.tree(trace_id).splitlines() == [
        "start [client]",
        "  run [worker]",
        "    INSERT [worker]",
        "  mail [worker]",
    ]


async def test_a_span_whose_parent_did_not_arrive_is_a_root_and_says_so(
    receiver: OtlpReceiver,
) -> None:
    sampled = TraceFlags(TraceFlags.SAMPLED)
    lost = NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=sampled))
    async with Service("worker", receiver) as tracer:
        tracer.start_span("run", context=set_span_in_context(lost)).end()

    [root] = receiver.roots(receiver.spans[0].trace_id)
    assert root.name == "run"
    assert receiver.tree(root.trace_id) == "run [worker] (parent 0000000000000def did not arrive)"


async def test_waiting_ends_when_the_spans_arrive(receiver: OtlpReceiver) -> None:
    waiting = asyncio.create_task(receiver.wait_for(lambda spans: len(spans) == 2))

    async with Service("shop", receiver) as tracer:
        tracer.start_span("one").end()
        tracer.start_span("two").end()

    await waiting


async def test_waiting_in_vain_tells_what_came_instead(receiver: OtlpReceiver) -> None:
    async with Service("shop", receiver) as tracer:
        tracer.start_span("one").end()

    with pytest.raises(TimeoutError, match=r"within 0\.01 s; came: one"):
        await receiver.wait_for(lambda spans: len(spans) == 2, timeout=0.01)


async def test_a_body_that_is_no_trace_is_answered_as_a_bad_request(
    receiver: OtlpReceiver,
) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{receiver.endpoint}/v1/traces", data=b"\xff\xff no protobuf") as answer,
    ):
        assert answer.status == 400


async def test_a_port_in_use_is_refused(receiver: OtlpReceiver) -> None:
    with pytest.raises(PortInUse, match="OTLP receiver wants it"):
        async with otlp_receiver(port=receiver.port):
            pass
