"""What can go wrong with a development server.

FleetError
├── Refused
│   ├── ProgramMissing   the wheel that brings the program is not installed
│   ├── PortInUse        something else listens on the port
│   └── ImageMissing     an image is not built, or cannot be unpacked
└── StartFailed          the program ended, or did not answer in time
"""

from pathlib import Path

from temporal_common.errors import FleetError, Refused


class ProgramMissing(Refused):
    """A program that a wheel installs was found nowhere."""


class PortInUse(Refused):
    """A port that a server needs is taken."""


class ImageMissing(Refused):
    """The builder has no such image, or cannot unpack it; the message quotes the builder."""


class StartFailed(FleetError):
    """A server did not come up; the message quotes the line of its log that says why."""

    def __init__(self, message: str, log: Path) -> None:
        super().__init__(message)
        self.log = log
