"""Waiting for a server that is away."""

from types import SimpleNamespace

import pytest

from temporal_common import backoff
from temporal_common.backoff import until_available
from temporal_common.errors import Refused, Unavailable


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for; none is made."""
    asked: list[float] = []

    async def sleep(seconds: float) -> None:
        asked.append(seconds)

    monkeypatch.setattr(backoff, "asyncio", SimpleNamespace(sleep=sleep))
    return asked


class Server:
    """Away for a number of attempts."""

    def __init__(self, away: int) -> None:
        self.away = away

    async def attempt(self) -> str:
        self.away -= 1
        if self.away >= 0:
            raise Unavailable(f"{self.away} to go")
        return "connected"


async def test_a_server_that_is_there_is_not_waited_for(pauses: list[float]) -> None:
    reasons: list[str] = []
    assert await until_available(Server(0).attempt, waiting=reasons.append) == "connected"
    assert (reasons, pauses) == ([], [])


async def test_each_pause_is_announced_with_its_reason(pauses: list[float]) -> None:
    reasons: list[str] = []
    assert await until_available(Server(3).attempt, waiting=reasons.append) == "connected"
    assert reasons == ["2 to go", "1 to go", "0 to go"]
    assert len(pauses) == 3


async def test_pauses_grow_to_15_seconds_and_differ(pauses: list[float]) -> None:
    await until_available(Server(200).attempt, waiting=lambda _reason: None)

    for number, ceiling in enumerate([0.25, 0.5, 1, 2, 4, 8]):
        assert ceiling / 2 <= pauses[number] <= ceiling
    late = pauses[6:]
    assert 7.5 <= min(late) < max(late) <= 15
    assert len(set(late)) > 100, "processes that start together must not call together"


async def test_what_waiting_cannot_mend_ends_it(pauses: list[float]) -> None:
    async def attempt() -> None:
        raise Refused("no such namespace")

    with pytest.raises(Refused):
        await until_available(attempt, waiting=lambda _reason: None)
    assert pauses == []
