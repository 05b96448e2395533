"""A run of a benchmark ends when something dies under it, and when its time is up."""

import asyncio

import pytest

from benchmarks.frame.benchmark import BenchmarkFailed, Measured, Run
from benchmarks.frame.figures import Figure

NEVER = 3600


async def test_every_second_round_has_its_sides_reversed() -> None:
    assert Run(3).each_round("a", "b") == [(1, ("a", "b")), (2, ("b", "a")), (3, ("a", "b"))]


async def test_a_server_that_dies_ends_the_run_with_one_line() -> None:
    run = Run(1)

    async def measure() -> Measured:
        async with run.server() as server:
            await server.kill()
            await asyncio.sleep(NEVER)
        raise AssertionError

    with pytest.raises(BenchmarkFailed, match=r"^Temporal ended with -9$"):
        await run.bounded(measure(), seconds=60)


async def test_a_run_that_gives_nothing_ends_when_its_time_is_up() -> None:
    async def measure() -> Measured:
        await asyncio.sleep(NEVER)
        return Measured([Figure("gain", "x", [1])])

    with pytest.raises(BenchmarkFailed, match="gave no result within"):
        await Run(1).bounded(measure(), seconds=0.01)
