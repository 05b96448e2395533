"""Waiting for a server that is away: exponential back-off with jitter."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from temporal_common.errors import Unavailable

_T = TypeVar("_T")

_FIRST_DELAY: Final = 0.25
_LONGEST_DELAY: Final = 15.0


async def until_available(
    attempt: Callable[[], Awaitable[_T]], *, waiting: Callable[[str], None]
) -> _T:
    """The result of the first attempt that does not raise `Unavailable`.

    Pauses between attempts grow from a quarter of a second to 15 s, each cut by up to a half at
    random: a fleet that starts before its server must not fall on it all at once. `waiting` hears
    the reason before each pause. Every other error ends the waiting.
    """
    ceiling = _FIRST_DELAY
    while True:
        try:
            return await attempt()
        except Unavailable as error:
            waiting(str(error))
        await asyncio.sleep(random.uniform(ceiling / 2, ceiling))
        ceiling = min(ceiling * 2, _LONGEST_DELAY)
