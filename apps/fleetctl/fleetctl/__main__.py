"""`python -m fleetctl`, and the entry point of the PEX: `fleetctl.__main__:main`."""

import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn


def main() -> NoReturn:
    """Runs the command of this process's arguments, and ends the process with its exit code."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us, as in `>&-`
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        else:
            # A terminal or pipe that is not UTF-8 gets "?" in place of an arrow, not a traceback.
            stream.reconfigure(errors="replace")
    try:
        code = invoke(sys.argv[1:])
    except KeyboardInterrupt:  # while the modules were loaded
        code = 130
    _end(code)


def invoke(arguments: Sequence[str]) -> int:
    """Runs one command; gives its exit code, with what went wrong written already."""
    # Libraries log what they then raise, and without a handler Python writes that to stderr.
    logging.getLogger().addHandler(logging.NullHandler())
    from fleetctl.cli import app
    from fleetctl.exit_codes import ExitCode
    from fleetctl.failures import explain
    from fleetctl.output import report

    try:
        code = app(list(arguments), prog_name="fleetctl", standalone_mode=False)
        if code == ExitCode.INTERRUPTED:  # Typer has caught it
            raise KeyboardInterrupt
        return int(code or ExitCode.OK)
    except SystemExit as ended:  # by Typer: after a completion, or when a help's reader has gone
        return int(ended.code or ExitCode.OK)
    except (Exception, KeyboardInterrupt) as error:
        if os.environ.get("FLEETCTL_DEBUG"):
            raise
        failure = explain(error)
        report(failure, as_json="--json" in arguments)
        return failure.code


def _end(code: int) -> NoReturn:
    """Ends the process without the interpreter's finalization, if Temporal's SDK was loaded.

    That aborts in a few percent of such exits, after all work is done
    (https://github.com/temporalio/sdk-python/issues/300).
    """
    from fleetctl.output import drop

    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            drop(stream)
    if "temporalio" in sys.modules:
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
