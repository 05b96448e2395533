"""A gRPC server that answers every call with one status: what no dev server can be made to do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from dev_servers.ports import HOST

# HTTP/2, RFC 9113: the client's preface, and the frame types that matter here.
_PREFACE: Final = 24
_HEADERS, _SETTINGS, _PING = 0x1, 0x4, 0x6
_ACK, _END_STREAM, _END_HEADERS = 0x1, 0x1, 0x4
_STATUS_200: Final = b"\x88"  # HPACK, RFC 7541: entry 8 of the static table


@asynccontextmanager
async def refusing_server(status: int, message: str) -> AsyncIterator[str]:
    """Gives its address. `status` is a gRPC status code, such as 16 for UNAUTHENTICATED."""
    trailers = (
        _STATUS_200
        + _literal("content-type", "application/grpc")
        + _literal("grpc-status", str(status))
        + _literal("grpc-message", message)
    )

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readexactly(_PREFACE)
            writer.write(_frame(_SETTINGS, 0, 0, b""))
            while True:
                head = await reader.readexactly(9)
                kind, flags = head[3], head[4]
                stream = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
                payload = await reader.readexactly(int.from_bytes(head[:3], "big"))
                if kind in (_SETTINGS, _PING) and not flags & _ACK:
                    writer.write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
                elif kind == _HEADERS:
                    writer.write(_frame(_HEADERS, _END_STREAM | _END_HEADERS, stream, trailers))
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    try:
        yield f"{HOST}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload


def _literal(name: str, value: str) -> bytes:
    """A header that is not indexed, for texts of up to 126 bytes."""
    return b"\x00" + b"".join(bytes([len(t)]) + t.encode() for t in (name, value))
