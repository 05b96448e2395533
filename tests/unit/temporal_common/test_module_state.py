"""What counts as able to change, and how a change is found."""

import textwrap
from types import ModuleType

import pytest

from temporal_common.module_state import Changeable, Constants


def module(source: str) -> ModuleType:
    made = ModuleType("workflows")
    exec(textwrap.dedent(source), vars(made))
    return made


def constants(source: str) -> Constants:
    return Constants({"workflows": module(source)})


@pytest.mark.parametrize(
    "source",
    [
        "LIMITS = (1, 'a', None, frozenset({2}))",
        "OPTIONS = {'seconds': 1, 'names': ['a']}",
        "import re; WORD = re.compile('a')",
        "def f(a=1, *, b=()): return lambda: a",
        "class A:\n    limit = 1\n    @property\n    def b(self): return self.limit",
        "import typing; T = typing.TypeVar('T'); Names = list[str] | None",
        "import logging; log = logging.getLogger('a')",
        "from decimal import Decimal; PRICE = Decimal(1)",
    ],
)
def test_constants_functions_and_classes_of_constants_cannot_change(source: str) -> None:
    assert constants(source).changed() is None


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import itertools; ids = itertools.count()", "workflows.ids is a count"),
        ("import random; dice = random.Random(1)", "workflows.dice is a Random"),
        ("import collections; seen = collections.deque()", "workflows.seen is a deque"),
        ("import asyncio; lock = asyncio.Lock()", "workflows.lock is a Lock"),
        ("def f():\n    global n\n    n = 1", "workflows.f writes the global n"),
        (
            "def f():\n    def g():\n        global n\n        n = 1",
            "workflows.f writes the global n",
        ),
        ("class A:\n    def f(self):\n        global n\n        n = 1", "workflows.A.f writes"),
        (
            "class A:\n    import itertools\n    ids = itertools.count()",
            "workflows.A.ids is a count",
        ),
        ("class A: pass\nshared = A()", "workflows.shared is a A"),
        ("import itertools\ndef f(ids=itertools.count()): pass", r"workflows.f\(\) is a count"),
    ],
)
def test_what_is_not_known_to_be_constant_counts_as_able_to_change(
    source: str, reason: str
) -> None:
    with pytest.raises(Changeable, match=f"^{reason}"):
        constants(source)


def test_a_container_that_has_changed_is_found() -> None:
    made = module("OPTIONS = {'names': ['a']}")
    watched = Constants({"workflows": made})
    made.OPTIONS["names"].append("b")
    assert watched.changed() == "workflows.OPTIONS"


def test_a_name_that_means_something_else_is_found() -> None:
    made = module("LIMIT = 1")
    watched = Constants({"workflows": made})
    made.LIMIT = 2  # type: ignore[attr-defined]
    assert watched.changed() == "workflows.LIMIT"


def test_an_attribute_of_a_class_that_has_changed_is_found() -> None:
    made = module("class A:\n    names = []\n    limit = 1")
    watched = Constants({"workflows": made})
    made.A.limit = 2
    assert watched.changed() == "workflows.A.limit"
