"""Folders for servers whose files nobody wants to keep."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev_servers.errors import StartFailed


@contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """A new folder below the system's one for temporary files, removed at the end.

    It is kept when a start failed whose log is in it: the error names that log.
    """
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o711)  # under root Postgres is another user and has to pass through
    try:
        yield folder
    except StartFailed as error:
        if folder not in error.log.parents:
            shutil.rmtree(folder)
        raise
    except BaseException:
        shutil.rmtree(folder)
        raise
    else:
        shutil.rmtree(folder)
