"""Which shards of a kind a process serves: all of them, or a stated part."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from temporal_common.queues import MAX_SHARDS

PART_RULE: Final = (
    "all; numbers and ranges, such as 0-15 or 0,4,8-11; or index/of, such as 1/4 for the second of "
    "four equal parts"
)

_RULE: Final = f"not a part of the shards; valid: {PART_RULE}"
_RANGE: Final = re.compile(r"(?P<first>\d{1,4})(?:-(?P<last>\d{1,4}))?")
_INDEX_OF: Final = re.compile(r"(?P<index>\d{1,4})/(?P<of>\d{1,4})")


@dataclass(frozen=True)
class ShardPart:
    """The part of the shards that a process serves. `covers` also answers for shards that the
    layout does not have: whoever serves a part serves what a larger layout left in it."""

    text: str
    """As it was written."""

    numbers: frozenset[int] | None = None
    """The shards themselves; None for a part that goes by index."""

    index: int = 0
    of: int = 1

    def covers(self, shard: int) -> bool:
        if self.numbers is not None:
            return shard in self.numbers
        return shard % self.of == self.index

    def shards(self, count: int) -> tuple[int, ...]:
        """Those of a layout with `count` shards, in order."""
        return tuple(shard for shard in range(count) if self.covers(shard))

    def __str__(self) -> str:
        return self.text


ALL_SHARDS: Final = ShardPart("all")


def parse_shard_part(text: str) -> ShardPart:
    """`all`, `0-15`, `0,4,8-11`, or `1/4`: the shards whose number leaves 1 when divided by 4.

    The last form is for a StatefulSet, whose pods differ in their index only. Shards are dealt out
    one by one, so that the parts stay equal, within one, when shards are added.

    Raises:
        ValueError: with the rule.
    """
    text = text.strip()
    if text == ALL_SHARDS.text:
        return ALL_SHARDS
    if match := _INDEX_OF.fullmatch(text):
        index, of = int(match["index"]), int(match["of"])
        if index < of <= MAX_SHARDS:
            return ShardPart(text, index=index, of=of)
    elif numbers := frozenset(_numbers(text)):
        return ShardPart(text, numbers)
    raise ValueError(_RULE)


def _numbers(text: str) -> Iterator[int]:
    for item in text.split(","):
        match = _RANGE.fullmatch(item.strip())
        shards = match and range(int(match["first"]), int(match["last"] or match["first"]) + 1)
        if not shards or shards.stop > MAX_SHARDS:
            raise ValueError(f"{_RULE}; shards are 0 to {MAX_SHARDS - 1}")
        yield from shards
