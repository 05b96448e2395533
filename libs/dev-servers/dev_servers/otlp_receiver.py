"""An OpenTelemetry receiver on 127.0.0.1: OTLP over HTTP with protobuf, traces only."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from dev_servers.ports import HOST, free_port, require_free

AttributeValue = str | bool | int | float | bytes | list["AttributeValue"] | None


@dataclass(frozen=True)
class Span:
    """A span as it arrived. Ids in lower-case hex, times in nanoseconds since 1970."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    service: str
    """`service.name` of the resource; empty when it was not set."""
    attributes: dict[str, AttributeValue]
    start_ns: int
    end_ns: int
    failed: bool


class OtlpReceiver:
    """Keeps every span it is sent; point an exporter at `endpoint`."""

    def __init__(self, *, port: int) -> None:
        self.port = port
        self.spans: list[Span] = []
        self._arrived = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    @property
    def endpoint(self) -> str:
        """Value for OTEL_EXPORTER_OTLP_ENDPOINT; exporters add /v1/traces themselves."""
        return f"http://{HOST}:{self.port}"

    async def start(self) -> None:
        """Listen. Raises PortInUse."""
        require_free(self.port, "OTLP receiver")
        app = web.Application()
        app.router.add_post("/v1/traces", self._receive)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self.port).start()

    async def stop(self) -> None:
        """Stop listening; the spans stay. Nothing happens if not started."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def trace(self, trace_id: str) -> list[Span]:
        """The spans of one trace in the order they began."""
        spans = (span for span in self.spans if span.trace_id == trace_id)
        return sorted(spans, key=lambda span: span.start_ns)

    def roots(self, trace_id: str) -> list[Span]:
        """The trace's spans without a parent among those that arrived: one, if it is one tree."""
        spans = self.trace(trace_id)
        known = {span.span_id for span in spans}
        return [span for span in spans if span.parent_id not in known]

    def tree(self, trace_id: str) -> str:
        """The trace as text: a line for each span, indented below its parent, with its service."""
        return "\n".join(self._lines(self.roots(trace_id), self.trace(trace_id), depth=0))

    async def wait_for(
        self,
        condition: Callable[[list[Span]], bool],
        *,
        timeout: float = 10,  # noqa: ASYNC109  the error has to say what did come
    ) -> None:
        """Wait until `condition` holds for the spans. Raises TimeoutError (`timeout`: seconds)."""
        try:
            async with asyncio.timeout(timeout), self._arrived:
                await self._arrived.wait_for(lambda: condition(self.spans))
        except TimeoutError:
            names = ", ".join(span.name for span in self.spans) or "none"
            raise TimeoutError(
                f"the awaited spans did not come within {timeout:g} s; came: {names}"
            ) from None

    def _lines(self, level: list[Span], spans: list[Span], depth: int) -> Iterable[str]:
        for span in level:
            lost = depth == 0 and span.parent_id is not None
            note = f" (parent {span.parent_id} did not arrive)" if lost else ""
            failure = " FAILED" if span.failed else ""
            yield f"{'  ' * depth}{span.name} [{span.service}]{failure}{note}"
            children = [child for child in spans if child.parent_id == span.span_id]
            yield from self._lines(children, spans, depth + 1)

    async def _receive(self, request: web.Request) -> web.Response:
        try:
            message = ExportTraceServiceRequest.FromString(await request.read())
        except DecodeError as error:
            raise web.HTTPBadRequest(text=f"not an ExportTraceServiceRequest: {error}") from error
        async with self._arrived:
            self.spans.extend(_spans(message))
            self._arrived.notify_all()
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(),
            content_type="application/x-protobuf",
        )


@asynccontextmanager
async def otlp_receiver(*, port: int | None = None) -> AsyncIterator[OtlpReceiver]:
    """A listening receiver. `port`: a free one by default. Raises PortInUse."""
    receiver = OtlpReceiver(port=port or free_port())
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.stop()


def _spans(message: ExportTraceServiceRequest) -> Iterable[Span]:
    for resource_spans in message.resource_spans:
        service = _attributes(resource_spans.resource.attributes).get("service.name", "")
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield _span(span, str(service))


def _span(span: ProtoSpan, service: str) -> Span:
    return Span(
        name=span.name,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        service=service,
        attributes=_attributes(span.attributes),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        failed=span.status.code == Status.STATUS_CODE_ERROR,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, AttributeValue]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> AttributeValue:
    match value.WhichOneof("value"):
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value" | None:
            # Nested maps: no instrumentation of ours sends them.
            return None
        case kind:
            scalar: AttributeValue = getattr(value, kind)
            return scalar
