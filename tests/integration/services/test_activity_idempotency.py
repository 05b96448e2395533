"""Whatever happens to an attempt, the next one leaves the state that a single run leaves.

Temporal runs an activity again when its process died, its connection broke, or only its answer was
lost. Every activity of both services is run here on a real Postgres (and a real mail server):
twice, cut off after each of its commits, and cut off before each of its commits.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from temporalio import activity
from temporalio.testing import ActivityEnvironment

from dev_servers.mail_sink import MailSink
from temporal_common.worker import Startup
from tenant_catalog.database import Connection, Database
from tests.support.activity_scenarios import SCENARIOS, Run, Scenario, World
from tests.support.postgres import contents, empty
from tests.support.workloads import jobs_workload, tenant_workload

every_scenario = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)

Activity = Callable[..., Any]


class Crash(BaseException):
    """The process dies here: no handler of the activity sees it."""


class Commits:
    """Counts the commits of activities, and cuts one activity off at one of them."""

    def __init__(self) -> None:
        self.count = 0
        self._before = self._after = 0
        self._counting = False

    def start_over(self, *, before: int = 0, after: int = 0) -> None:
        """Cuts off before or after the commit of that number, counted from 1; never for 0."""
        self.count, self._before, self._after = 0, before, after

    @contextmanager
    def counting(self) -> Iterator[None]:
        """An activity runs; what a scenario prepares before that is not counted."""
        self._counting = True
        try:
            yield
        finally:
            self._counting = False

    def reached(self) -> None:
        if self._counting:
            self.count += 1
            if self.count == self._before:
                raise Crash

    def passed(self) -> None:
        if self._counting and self.count == self._after:
            raise Crash


@dataclass(frozen=True)
class Outcome:
    result: str
    state: dict[str, list[str]]
    mails: list[tuple[str, str]]
    """Message-ID and recipient of each mail that arrived; a second copy is none."""
    commits: int


@pytest_asyncio.fixture(scope="module")
async def activities(_catalog_url: str, sink: MailSink) -> AsyncIterator[dict[str, Activity]]:
    """All registered activities, as the services make them, by name."""
    workloads = [tenant_workload(_catalog_url, sink), jobs_workload(_catalog_url)]
    async with AsyncExitStack() as stack:
        found: dict[str, Activity] = {}
        for workload in workloads:
            startup = Startup(workload.settings, workload.tuning, waiting=pytest.fail)
            for function in await stack.enter_async_context(workload.spec.activities(startup)):
                definition = activity._Definition.must_from_callable(function)
                assert definition.name is not None
                found[definition.name] = function
        yield found


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> Commits:
    commits = Commits()
    whole = Database.transaction

    @asynccontextmanager
    async def transaction(self: Database, lock: str | None = None) -> AsyncIterator[Connection]:
        async with whole(self, lock) as connection:
            yield connection
            commits.reached()
        commits.passed()

    monkeypatch.setattr(Database, "transaction", transaction)
    return commits


@pytest.fixture
def same_ids(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Lets the scenarios' helpers draw the same ids in every run."""

    def start_over() -> None:
        ids: Iterator[UUID] = (UUID(int=n, version=4) for n in count(1))
        monkeypatch.setattr("tests.support.tenants.uuid4", lambda: next(ids))

    return start_over


@dataclass(frozen=True)
class Stage:
    """Plays a scenario from an empty database, and says what came of it."""

    activities: dict[str, Activity]
    database: Database
    sink: MailSink
    commits: Commits
    same_ids: Callable[[], None]
    played: dict[str, Outcome]
    """What came of each scenario that ran once; the same for all tests."""

    async def once(self, scenario: Scenario) -> Outcome:
        if scenario.name not in self.played:
            self.played[scenario.name] = await self._play(scenario, self._run(scenario))
        return self.played[scenario.name]

    async def twice(self, scenario: Scenario) -> Outcome:
        async def run(request: Any) -> Any:
            first = await self._run(scenario)(request)
            second = await self._run(scenario)(request)
            assert scenario.progresses or second == first
            return second

        return await self._play(scenario, run)

    async def cut_off(self, scenario: Scenario, **where: int) -> Outcome:
        """`before=n` or `after=n`: the commit, counted from 1."""
        crashed = False

        async def run(request: Any) -> Any:
            nonlocal crashed
            try:
                return await self._run(scenario)(request)
            except Crash:
                crashed = True
                return await self._run(scenario)(request)

        outcome = await self._play(scenario, run, **where)
        assert crashed
        return outcome

    def _run(self, scenario: Scenario) -> Run:
        async def run(request: Any) -> Any:
            with self.commits.counting():
                return await ActivityEnvironment().run(self.activities[scenario.activity], request)

        return run

    async def _play(self, scenario: Scenario, run: Run, **where: int) -> Outcome:
        await empty(self.database)
        self.same_ids()
        arrived = len(self.sink.mails)
        self.commits.start_over(**where)
        result = await scenario.play(World(self.database), run)
        state = await contents(self.database)
        return Outcome(
            result=_comparable(repr(result)),
            state={name: sorted(map(_comparable, rows)) for name, rows in state.items()},
            mails=sorted(
                {(mail["Message-ID"], mail["X-RcptTo"]) for mail in self.sink.mails[arrived:]}
            ),
            commits=self.commits.count,
        )


@pytest.fixture(scope="module")
def played() -> dict[str, Outcome]:
    return {}


@pytest.fixture
def stage(
    activities: dict[str, Activity],
    database: Database,
    sink: MailSink,
    commits: Commits,
    same_ids: Callable[[], None],
    played: dict[str, Outcome],
) -> Stage:
    return Stage(activities, database, sink, commits, same_ids, played)


def _comparable(text: str) -> str:
    """Without what differs from run to run: times, tokens and their digests, identity columns."""
    for pattern, name in (
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00", "<time>"),
        (r"Token: \S+", "Token: <token>"),
        (r"\b[0-9a-f]{64}\b", "<digest>"),
        (r"^\(\d+,", "(<number>,"),
    ):
        text = re.sub(pattern, name, text)
    return text


async def test_every_registered_activity_has_a_scenario(activities: dict[str, Activity]) -> None:
    assert {scenario.activity for scenario in SCENARIOS} == set(activities)


@every_scenario
async def test_an_activity_that_runs_twice_leaves_the_state_of_one_run(
    stage: Stage, scenario: Scenario
) -> None:
    once, twice = await stage.once(scenario), await stage.twice(scenario)
    assert twice.state == once.state
    assert twice.mails == once.mails
    assert twice.result == once.result


@every_scenario
async def test_an_activity_whose_answer_was_lost_after_a_commit_leaves_the_state_of_one_run(
    stage: Stage, scenario: Scenario
) -> None:
    once = await stage.once(scenario)
    assert once.commits >= 1
    for commit in range(1, once.commits + 1):
        again = await stage.cut_off(scenario, after=commit)
        assert again.state == once.state
        assert again.mails == once.mails
        assert again.result == once.result


@every_scenario
async def test_an_activity_cut_off_before_a_commit_leaves_the_state_of_one_run(
    stage: Stage, scenario: Scenario
) -> None:
    once = await stage.once(scenario)
    for commit in range(1, once.commits + 1):
        again = await stage.cut_off(scenario, before=commit)
        assert again.state == once.state
        assert again.mails == once.mails
        assert again.result == once.result


async def test_a_mail_cut_off_after_its_acceptance_comes_again_under_the_same_message_id(
    stage: Stage, sink: MailSink
) -> None:
    arrived = len(sink.mails)
    [sending] = [scenario for scenario in SCENARIOS if scenario.activity == "send_mail"]
    await stage.cut_off(sending, before=1)
    first, second = sink.mails[arrived:]
    assert first["Message-ID"] == second["Message-ID"]
    assert first["X-Idempotency-Key"] == second["X-Idempotency-Key"]
    assert first.get_content() == second.get_content()


async def test_a_mail_whose_sending_was_committed_is_not_sent_again(
    stage: Stage, sink: MailSink
) -> None:
    arrived = len(sink.mails)
    [sending] = [scenario for scenario in SCENARIOS if scenario.activity == "send_mail"]
    await stage.cut_off(sending, after=1)
    assert len(sink.mails) == arrived + 1
