"""The spans of SQL statements: what they say, and what they keep quiet about."""

from urllib.parse import urlsplit

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from psycopg import sql

from tenant_catalog.database import Database
from tenant_catalog.errors import DatabaseUnavailable
from tenant_catalog.sql_spans import query_text

SECRET = "jo@acme.test"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> Tracer:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    tracer = provider.get_tracer("test")
    monkeypatch.setattr("tenant_catalog.sql_spans._tracer", tracer)
    return tracer


def by_name(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


async def test_each_statement_of_a_transaction_is_a_span_below_the_current_one(
    database: Database, tracer: Tracer, spans: InMemorySpanExporter
) -> None:
    with tracer.start_as_current_span("activity"):
        async with database.transaction() as connection:
            await connection.execute("SELECT slug FROM catalog.tenants")
            await connection.cursor().executemany(
                "DELETE FROM catalog.mails WHERE recipient = %s", [[SECRET], ["eve@acme.test"]]
            )
    found = spans.get_finished_spans()
    assert [span.name for span in found] == [
        "BEGIN",
        "SELECT catalog.tenants",
        "DELETE catalog.mails",
        "COMMIT",
        "activity",
    ]
    *statements, parent = found
    assert parent.context is not None
    assert {span.parent and span.parent.span_id for span in statements} == {parent.context.span_id}


async def test_a_span_follows_the_conventions_for_databases(
    database: Database, database_url: str, tracer: Tracer, spans: InMemorySpanExporter
) -> None:
    with tracer.start_as_current_span("activity"):
        async with database.transaction() as connection:
            await connection.execute("SELECT FROM catalog.mails WHERE recipient = %s", [SECRET])
    url = urlsplit(database_url)
    span = by_name(spans)["SELECT catalog.mails"]
    assert span.kind is SpanKind.CLIENT
    assert span.attributes == {
        "db.system.name": "postgresql",
        "db.namespace": url.path.removeprefix("/"),
        "db.query.summary": "SELECT catalog.mails",
        "db.query.text": "SELECT FROM catalog.mails WHERE recipient = %s",
        "server.address": url.hostname,
        "server.port": url.port,
    }


async def test_a_failed_statement_gives_its_code_and_no_values_of_rows(
    database: Database, tracer: Tracer, spans: InMemorySpanExporter
) -> None:
    insert = sql.SQL(
        "INSERT INTO catalog.users (user_id, email, display_name, state)"
        " VALUES (gen_random_uuid(), {}, '', 'active')"
    ).format(SECRET)

    async def insert_twice() -> None:
        async with database.transaction() as connection:
            await connection.execute(insert)
            await connection.execute(insert)  # the DETAIL of its error quotes the address

    with tracer.start_as_current_span("activity"), pytest.raises(DatabaseUnavailable):
        await insert_twice()
    *_, failed, _activity = spans.get_finished_spans()
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes is not None
    assert failed.attributes["db.response.status_code"] == "23505"
    assert failed.attributes["error.type"] == "23505"
    assert SECRET not in "".join(span.to_json() for span in spans.get_finished_spans())


async def test_without_a_trace_to_belong_to_there_is_no_span(
    database: Database, tracer: Tracer, spans: InMemorySpanExporter
) -> None:
    del tracer
    await database.ping()
    assert spans.get_finished_spans() == ()


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("SELECT %s", "SELECT %s"),
        (b"CREATE TABLE settings ()", "CREATE TABLE settings ()"),
        (sql.SQL("SELECT {}").format(SECRET), "SELECT %s"),
        (
            sql.SQL("UPDATE {} SET a = {}, b = {}").format(
                sql.Identifier("t_acme", "labels"), sql.SQL("now()"), sql.Literal(SECRET)
            ),
            'UPDATE "t_acme"."labels" SET a = now(), b = %s',
        ),
    ],
)
def test_the_text_of_a_statement_has_no_values(
    query: str | bytes | sql.Composable, text: str
) -> None:
    assert query_text(query) == text
