"""Which shards a process serves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from temporal_common.errors import SettingsError
from temporal_common.queues import MAX_SHARDS
from temporal_common.settings import ShardSettings, load
from temporal_common.shards import ALL_SHARDS, parse_shard_part

counts = st.integers(1, MAX_SHARDS)


@pytest.mark.parametrize(
    ("text", "shards"),
    [
        ("all", (0, 1, 2, 3, 4, 5, 6, 7)),
        ("0-3", (0, 1, 2, 3)),
        ("5", (5,)),
        (" 0, 4 ,6-7", (0, 4, 6, 7)),
        ("6-20", (6, 7)),
        ("0/3", (0, 3, 6)),
        ("2/3", (2, 5)),
        ("9/10", ()),
    ],
)
def test_a_part_names_shards_of_a_layout_of_eight(text: str, shards: tuple[int, ...]) -> None:
    assert parse_shard_part(text).shards(8) == shards


@pytest.mark.parametrize(
    "text",
    ["", "some", "-1", "3-1", "1,,2", "1000", "0-1000", "3/3", "1/0", "0/1001", "1.5", "0-3/4"],
)
def test_what_is_no_part_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(ValueError, match="not a part of the shards; valid: all; numbers"):
        parse_shard_part(text)


@given(counts, st.integers(1, 50))
def test_parts_by_index_cover_each_shard_once_and_are_equal_within_one(
    count: int, parts: int
) -> None:
    shares = [parse_shard_part(f"{index}/{parts}").shards(count) for index in range(parts)]

    assert sorted(shard for share in shares for shard in share) == list(range(count))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(st.integers(0, MAX_SHARDS - 1), st.integers(0, MAX_SHARDS - 1), counts)
def test_a_part_covers_a_shard_whether_or_not_the_layout_has_it(
    first: int, last: int, count: int
) -> None:
    first, last = sorted((first, last))
    part = parse_shard_part(f"{first}-{last}")

    assert part.covers(first)
    assert part.covers(last)
    assert part.shards(count) == tuple(range(first, min(last + 1, count)))


def test_it_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(ShardSettings).shards == ALL_SHARDS
    monkeypatch.setenv("WORKER_SHARDS", "1/4")
    assert load(ShardSettings).shards.shards(8) == (1, 5)


def test_a_wrong_one_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_SHARDS", "4/4")
    with pytest.raises(SettingsError, match="WORKER_SHARDS='4/4' is not valid: not a") as e:
        load(ShardSettings)
    assert "\n" not in str(e.value)
