"""The version of this repository's services. Released together, deployed apart."""

from typing import Final

VERSION: Final = "0.1.0"
