"""The lines that dev-all writes for a person."""

import sys


def say(what: str, *values: str) -> None:
    """One line: a name, then what there is to know of it."""
    sys.stdout.write(f"{what:<10} {'   '.join(values)}\n")
    sys.stdout.flush()
