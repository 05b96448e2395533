"""A span for each SQL statement, by OpenTelemetry's conventions for database clients.

https://opentelemetry.io/docs/specs/semconv/db/database-spans/

Not opentelemetry-instrumentation-psycopg: it puts the values of a composed statement
(`sql.Literal`) into the span, hence e-mail addresses and reasons of failures; and it has no span
for COMMIT, where a transaction's time goes.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Self

from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from psycopg import AsyncConnection, AsyncCursor, Error, sql
from psycopg.abc import Params, QueryNoTemplate

_tracer: Final = trace.get_tracer("tenant_catalog")

_KEYWORD: Final = re.compile(r"(?:\s*--[^\n]*\n)*\s*(?P<keyword>\w+)")
# Only tables of the catalogue: with tenants' schemas there would be names for each tenant.
_TARGET: Final = re.compile(r"\b(?:FROM|INTO|UPDATE) (?P<table>catalog\.\w+)")


class TracedConnection(AsyncConnection[tuple[Any, ...]]):
    """A connection whose statements are spans, wherever there is a trace to belong to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cursor_factory = _TracedCursor
        # Kept, because a connection that broke does not tell any more.
        self.attributes: Mapping[str, str | int] = {
            "db.system.name": "postgresql",
            "db.namespace": self.info.dbname,
            "server.address": self.info.host,
            "server.port": self.info.port,
        }

    async def commit(self) -> None:
        with _statement(self, "COMMIT"):
            await super().commit()


class _TracedCursor(AsyncCursor[Any]):
    # Without psycopg's overloads for template strings, which need Python 3.14.
    async def execute(  # type: ignore[override]
        self, query: QueryNoTemplate, params: Params | None = None, **options: Any
    ) -> Self:
        with _statement(self.connection, query):
            return await super().execute(query, params, **options)

    async def executemany(  # type: ignore[override]
        self, query: QueryNoTemplate, params_seq: Iterable[Params], *, returning: bool = False
    ) -> None:
        with _statement(self.connection, query):
            await super().executemany(query, params_seq, returning=returning)


def query_text(query: str | bytes | sql.Composable) -> str:
    """The statement with `%s` in place of every value, also of those composed into it."""
    match query:
        case bytes():
            return query.decode()
        case str():
            return query
        case sql.Composed():
            return "".join(query_text(part) for part in query)
        case sql.Literal():
            return "%s"
        case _:
            return query.as_string()


@contextmanager
def _statement(connection: AsyncConnection[Any], query: QueryNoTemplate) -> Iterator[None]:
    if not trace.get_current_span().is_recording():  # at the start of a service, say
        yield
        return
    assert isinstance(connection, TracedConnection)
    text = query_text(query)
    summary = _summary(text)
    with _tracer.start_as_current_span(
        summary,
        kind=SpanKind.CLIENT,
        attributes={**connection.attributes, "db.query.summary": summary, "db.query.text": text},
        # An error of Postgres quotes rows; its code is enough to look it up.
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except BaseException as error:
            code = error.sqlstate if isinstance(error, Error) else None
            if code is not None:
                span.set_attribute("db.response.status_code", code)
            span.set_attribute("error.type", code or type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise


def _summary(text: str) -> str:
    """Such as `SELECT catalog.tenants`; of several statements the first."""
    keyword, target = _KEYWORD.match(text), _TARGET.search(text)
    parts = (keyword and keyword["keyword"], target and target["table"])
    return " ".join(part for part in parts if part) or "postgresql"
