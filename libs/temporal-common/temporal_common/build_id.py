"""The build id of the image that this process runs from."""

import sys
from pathlib import Path
from typing import Final

BUILD_ID_FILE: Final = "build-id"
"""Beside the virtual environment's `bin`; a service's Dockerfile writes it."""


def image_build_id(environment: Path | None = None) -> str | None:
    """Twelve hexadecimal digits, equal for equal code on equal packages; None outside an image.

    By a file and not by `TEMPORAL_WORKER_BUILD_ID`: that variable is half of the switch that turns
    Worker Versioning on, and no image may set half of it. `TEMPORAL_DEPLOYMENT_NAME` is the switch;
    where it is set alone, this completes the pair.
    """
    try:
        return ((environment or Path(sys.prefix)) / BUILD_ID_FILE).read_text().strip() or None
    except FileNotFoundError:
        return None
