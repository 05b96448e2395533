"""Which of Postgres' errors are worth another attempt, and what to say of them."""

from typing import Final

import psycopg

from tenant_catalog.errors import DatabaseRefused, DatabaseUnavailable

# https://www.postgresql.org/docs/current/errcodes-appendix.html, by class or whole code.
_RETRYABLE: Final = (
    "08",  # connection lost
    "40",  # deadlock, serialization failure
    "53",  # out of connections, memory or disk
    "57",  # timeout, shutdown, crash, starting up
    "58",  # I/O error of the server
    "25006",  # read-only: a former primary, after a failover
    "25P03",  # idle in transaction for too long: this process was frozen
    "55P03",  # lock_timeout
    "55006",  # object in use
    "23505",  # unique: lost a race with another transaction
    "42P06",  # schema exists: the same race
    "XX000",  # "tuple concurrently updated": a race of two DDL statements
)

_ADVICE: Final = {
    "23505": "another transaction wrote the same; it is tried again",
    "25006": "it is a read-only standby: let DATABASE_URL point to the primary",
    "28": "correct the user or password in DATABASE_URL",
    "3D000": "create the database, or correct DATABASE_URL",
    "42501": "give the role of DATABASE_URL that right, or use the role that owns the object",
    "53300": "lower DATABASE_POOL_SIZE, or raise max_connections of the server",
    "53200": "raise max_locks_per_transaction of the server",
    "55P03": "another session holds the lock; it is tried again",
    "57014": "the statement took longer than DATABASE_STATEMENT_TIMEOUT; it is tried again",
}


def translate(error: psycopg.Error, address: str) -> DatabaseUnavailable | DatabaseRefused:
    """The error as one of ours. `address` is host:port/database.

    Only Postgres' main line is taken over: its DETAIL quotes rows, hence e-mail addresses, and an
    error of an activity is kept in Temporal's history.
    """
    code = error.sqlstate
    if code is None:
        # Nothing was reached, or the connection broke. A wrong password is among these as well
        # (libpq gives no code then), and rightly so: a secret that is mended lets the work go on.
        if isinstance(error, psycopg.OperationalError):
            return DatabaseUnavailable(
                f"Postgres at {address} is not reachable: {_one_line(str(error))}; "
                "start it, or correct DATABASE_URL"
            )
        return DatabaseRefused(f"Postgres at {address}: {_one_line(str(error))}")
    advice = _ADVICE.get(code) or _ADVICE.get(code[:2])
    line = f"Postgres at {address}: {_one_line(error.diag.message_primary or str(error))}"
    line += f" (SQLSTATE {code})" + (f"; {advice}" if advice else "")
    if code.startswith(_RETRYABLE):
        return DatabaseUnavailable(line)
    return DatabaseRefused(line)


def _one_line(text: str) -> str:
    return " ".join(text.split())
