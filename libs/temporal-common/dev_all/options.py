"""The command line of dev-all."""

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WORKLOADS: Final = ("tenant", "jobs")
_ALL: Final = "all"


@dataclass(frozen=True)
class Options:
    workloads: tuple[str, ...]
    state: Path
    temporal_port: int
    ui_port: int
    postgres_port: int
    smtp_port: int


def parse_options(arguments: list[str]) -> Options:
    """Exits with 2 and one line on a wrong argument, as argparse does."""
    parser = argparse.ArgumentParser(
        prog="dev-all",
        description="Runs every workload in one process, with a Temporal dev server, Postgres and "
        "a mail sink. A server that TEMPORAL_ADDRESS, DATABASE_URL or SMTP_HOST names is used, "
        "and not started.",
        epilog="example: ./pants run libs/temporal-common:dev-all -- --workload tenant",
    )
    parser.add_argument(
        "--workload", choices=[*WORKLOADS, _ALL], default=_ALL, help="which to run (default: all)"
    )
    parser.add_argument(
        "--state",
        type=Path,
        default=Path(".dev-all"),
        metavar="FOLDER",
        help="databases, logs and mails are kept here (default: .dev-all); remove it to start anew",
    )
    for name, port in (("temporal", 7233), ("ui", 8233), ("postgres", 5433), ("smtp", 1025)):
        parser.add_argument(
            f"--{name}-port", type=int, default=port, metavar="PORT", help=f"default: {port}"
        )
    given = parser.parse_args(arguments)
    return Options(
        workloads=WORKLOADS if given.workload == _ALL else (given.workload,),
        state=given.state.resolve(),
        temporal_port=given.temporal_port,
        ui_port=given.ui_port,
        postgres_port=given.postgres_port,
        smtp_port=given.smtp_port,
    )
