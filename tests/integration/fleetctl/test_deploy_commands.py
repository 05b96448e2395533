"""fleetctl deploy …, against real versioned workers on a real server."""

import asyncio
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentManagerRequest
from temporalio.client import Client, WorkflowHandle

from dev_servers.programs import temporal_program
from dev_servers.temporal_server import TemporalServer
from fleetctl.exit_codes import ExitCode
from temporal_common import rollouts
from temporal_common.deployments import VersionStatus, describe_deployment
from tests.support.commands import Finished, fleetctl_in_pipe, fleetctl_on_terminal
from tests.support.histories import versions
from tests.support.holding import until
from tests.support.versioned_workflows import Moving, Pinned
from tests.support.versions import (
    name,
    quick_client,
    quick_temporal,
    until_forgotten,
    until_status,
    workers_of,
)

__all__ = ["name", "quick_client", "quick_temporal"]


class Deploy:
    """`fleetctl deploy`, on the deployment of one test."""

    def __init__(self, server: TemporalServer, client: Client, name: str) -> None:
        self.settings = {"TEMPORAL_ADDRESS": server.address}
        self.client = client
        self.name = name

    async def __call__(self, command: str, *arguments: str) -> Finished:
        return await fleetctl_in_pipe(
            "deploy", command, self.name, *arguments, settings=self.settings
        )

    async def shares(self) -> dict[str, tuple[str, float]]:
        """Status and share of each version, as the server has them."""
        deployment = await describe_deployment(self.client, self.name)
        return {v.build_id: (v.status.value, v.share) for v in deployment.versions}


@pytest.fixture
def deploy(quick_temporal: TemporalServer, quick_client: Client, name: str) -> Deploy:
    return Deploy(quick_temporal, quick_client, name)


async def make_current(deploy: Deploy, build_id: str) -> None:
    """By the library, for tests that are about what comes after it."""
    deployment = await describe_deployment(deploy.client, deploy.name)
    await rollouts.promote(deploy.client, deployment, build_id)


@asynccontextmanager
async def two_versions(client: Client, deploy: Deploy) -> AsyncIterator[None]:
    """v1 is current, v2 polls the same queue."""
    async with workers_of(client, deploy.name, "v1", deploy.name):
        await make_current(deploy, "v1")
        async with workers_of(client, deploy.name, "v2", deploy.name):
            yield


async def start(client: Client, deploy: Deploy, workflow: type) -> WorkflowHandle[object, object]:
    """A workflow that a worker has begun, so that it belongs to a version."""
    handle = await client.start_workflow(
        workflow.__name__, id=f"{deploy.name}/{workflow.__name__}", task_queue=deploy.name
    )

    async def begun() -> bool:
        described = await handle.describe()
        info = described.raw_description.workflow_execution_info
        return bool(info.versioning_info.deployment_version.build_id)

    await until(begun)
    return handle


def error(done: Finished) -> str:
    [line] = [line for line in done.err.splitlines() if line.startswith("fleetctl: ")]
    assert done.out == ""
    return line.removeprefix("fleetctl: ")


async def test_a_deployment_that_no_worker_has_polled_for_is_not_found(deploy: Deploy) -> None:
    for command in (["status"], ["promote", "v1"]):
        done = await deploy(*command)
        assert done.code == ExitCode.NOT_FOUND
        assert error(done) == (
            f"namespace 'default' has no deployment {deploy.name!r}; it is there when a worker with"
            f" TEMPORAL_DEPLOYMENT_NAME={deploy.name} and a TEMPORAL_WORKER_BUILD_ID has polled"
        )


async def test_a_ramp_gives_a_share_a_promotion_all_and_both_can_be_repeated(
    quick_client: Client, deploy: Deploy
) -> None:
    async with two_versions(quick_client, deploy):
        assert await deploy.shares() == {"v2": ("inactive", 0), "v1": ("current", 100)}
        for changed in (True, False):
            done = await deploy("ramp", "v2", "--percentage", "12.3", "--json")
            assert (done.code, done.document["changed"]) == (ExitCode.OK, changed)
        shares = await deploy.shares()
        assert (shares["v2"][0], shares["v1"][0]) == ("ramping", "current")
        assert [shares["v2"][1], shares["v1"][1]] == pytest.approx([12.3, 87.7])
        for changed in (True, False):
            done = await deploy("promote", "v2", "--json")
            assert (done.code, done.document["changed"]) == (ExitCode.OK, changed)
        shares = await deploy.shares()
        assert shares["v2"] == ("current", 100)
        assert shares["v1"][1] == 0


async def test_a_share_of_all_is_a_usage_error(deploy: Deploy) -> None:
    done = await deploy("ramp", "v2", "--percentage", "100")

    assert done.code == ExitCode.USAGE
    assert error(done) == (
        "100 is not a ramp; valid: more than 0 and less than 100"
        " (all is a promotion, nothing a rollback)"
    )


async def test_a_version_that_lacks_a_task_queue_is_refused_and_the_queue_is_named(
    quick_client: Client, deploy: Deploy
) -> None:
    other = f"{deploy.name}-other"
    async with workers_of(quick_client, deploy.name, "v1", deploy.name, other):
        await make_current(deploy, "v1")
        async with workers_of(quick_client, deploy.name, "v2", deploy.name):
            for command in (["ramp", "v2", "--percentage", "5"], ["promote", "v2"]):
                done = await deploy(*command)
                assert done.code == ExitCode.REFUSED
                assert error(done) == (
                    f"{deploy.name}:v2 does not poll {other} (workflow), {other} (activity), which"
                    " the current version serves; tasks there would wait until somebody does"
                )
            status = await deploy("status")
            assert f"v2 does not poll {other} (workflow)" in status.err
            assert (await deploy.shares())["v2"] == ("inactive", 0)

            done = await deploy("promote", "v2", "--ignore-missing-task-queues")
            assert done.code == ExitCode.OK
            assert f"warning: nobody of this version polls {other}" in done.err
            assert (await deploy.shares())["v2"] == ("current", 100)


async def test_a_version_without_workers_gets_nothing(quick_client: Client, deploy: Deploy) -> None:
    async with workers_of(quick_client, deploy.name, "v1", deploy.name):
        await make_current(deploy, "v1")
        async with workers_of(quick_client, deploy.name, "v2", deploy.name):
            pass
        await until_forgotten(quick_client, deploy.name, "v2")
        for command in (
            ["ramp", "v2", "--percentage", "5"],
            ["promote", "v2"],
            ["promote", "v2", "--ignore-missing-task-queues"],
        ):
            done = await deploy(*command)
            assert done.code == ExitCode.REFUSED
            assert error(done).startswith(f"no worker of {deploy.name}:v2 polls; start its workers")
        assert (await deploy.shares())["v1"] == ("current", 100)


async def test_a_version_that_is_not_there_is_named_with_those_that_are(
    quick_client: Client, deploy: Deploy
) -> None:
    async with two_versions(quick_client, deploy):
        done = await deploy("promote", "v3")

    assert done.code == ExitCode.NOT_FOUND
    assert "has no version 'v3'; there is: v2, v1" in error(done)


async def test_while_a_version_ramps_another_one_is_a_conflict(
    quick_client: Client, deploy: Deploy
) -> None:
    async with (
        two_versions(quick_client, deploy),
        workers_of(quick_client, deploy.name, "v3", deploy.name),
    ):
        await deploy("ramp", "v2", "--percentage", "10")
        for command in (["ramp", "v3", "--percentage", "5"], ["promote", "v3"], ["promote", "v1"]):
            done = await deploy(*command)
            assert done.code == ExitCode.CONFLICT
            assert f"{deploy.name}:v2 is ramping at 10 %" in error(done)
        assert (await deploy.shares())["v2"] == ("ramping", 10)


async def test_a_rollback_ends_the_ramp(quick_client: Client, deploy: Deploy) -> None:
    async with two_versions(quick_client, deploy):
        await deploy("ramp", "v2", "--percentage", "50")
        done = await deploy("rollback")

        assert done.code == ExitCode.OK
        assert done.out == f"{deploy.name}: the ramp of v2 is ended, v1 gets all new workflows\n"
        shares = await deploy.shares()
        assert shares["v1"] == ("current", 100)
        assert shares["v2"][1] == 0


async def test_a_rollback_goes_to_the_version_before_and_never_forward_again(
    quick_client: Client, deploy: Deploy
) -> None:
    async with two_versions(quick_client, deploy):
        first = await deploy("rollback")
        assert first.code == ExitCode.REFUSED
        assert error(first) == f"no version of deployment {deploy.name!r} was current before 'v1'"

        await make_current(deploy, "v2")
        pinned = await start(quick_client, deploy, Pinned)
        done = await deploy("rollback")
        assert done.code == ExitCode.OK, done.err
        said = done.out.splitlines()
        assert said[0] == f"{deploy.name}: v1 is current again, in place of v2"
        assert said[1].startswith("1 workflow is pinned to v2 and stays there")
        assert said[-1].startswith("temporal workflow update-options --query ")
        assert (await deploy.shares())["v1"] == ("current", 100)

        again = await deploy("rollback")
        assert again.code == ExitCode.REFUSED
        assert "went back already, from 'v2' to 'v1'" in error(again)
        assert (await deploy.shares())["v1"] == ("current", 100)
        await pinned.signal("finish")
        await pinned.result()


async def test_a_rollback_to_a_version_whose_workers_are_gone_is_refused(
    quick_client: Client, deploy: Deploy
) -> None:
    async with workers_of(quick_client, deploy.name, "v1", deploy.name):
        await make_current(deploy, "v1")
    async with workers_of(quick_client, deploy.name, "v2", deploy.name):
        await make_current(deploy, "v2")
        await until_forgotten(quick_client, deploy.name, "v1")
        done = await deploy("rollback")

        assert done.code == ExitCode.REFUSED
        assert error(done).startswith(f"no worker of {deploy.name}:v1 polls; start its workers")
        assert (await deploy.shares())["v2"] == ("current", 100)


async def test_retire_refuses_until_nothing_runs_and_nobody_polls(
    quick_client: Client, deploy: Deploy
) -> None:
    async with workers_of(quick_client, deploy.name, "v2", deploy.name):
        async with workers_of(quick_client, deploy.name, "v1", deploy.name):
            await make_current(deploy, "v1")
            current = await deploy("retire", "v1")
            assert current.code == ExitCode.REFUSED
            assert "it is current, so it gets new workflows" in error(current)

            pinned = await start(quick_client, deploy, Pinned)
            await make_current(deploy, "v2")
            busy = await deploy("retire", "v1")
            assert busy.code == ExitCode.REFUSED
            assert "1 pinned workflow is open on it" in error(busy)
            assert "v1@test polls for it" in error(busy)

            await pinned.signal("finish")
            await pinned.result()
            await until_status(quick_client, deploy.name, "v1", VersionStatus.DRAINED)
            polled = await deploy("retire", "v1")
            assert polled.code == ExitCode.REFUSED
            assert error(polled).startswith(f"{deploy.name}:v1 is in use: v1@test polls for it")
        await until_forgotten(quick_client, deploy.name, "v1")
        assert "v1 can go: fleetctl deploy retire" in (await deploy("status")).err

        done = await deploy("retire", "v1")
        assert (done.code, done.out) == (ExitCode.OK, f"{deploy.name}: v1 is deleted\n")
        assert list(await deploy.shares()) == ["v2"]
        assert (await deploy("retire", "v1")).code == ExitCode.NOT_FOUND


async def test_what_another_client_manages_is_left_alone(
    quick_client: Client, deploy: Deploy
) -> None:
    async with two_versions(quick_client, deploy):
        await quick_client.workflow_service.set_worker_deployment_manager(
            SetWorkerDeploymentManagerRequest(
                namespace="default",
                deployment_name=deploy.name,
                manager_identity="controller",
                identity="controller",
            )
        )
        for command in (
            ["ramp", "v2", "--percentage", "5"],
            ["promote", "v2"],
            ["rollback"],
            ["retire", "v2"],
        ):
            done = await deploy(*command)
            assert done.code == ExitCode.REFUSED
            assert "is managed by 'controller'" in error(done)
        assert "managed by  controller" in (await deploy("status")).out


async def test_the_status_shows_work_and_workers_of_each_version(
    quick_client: Client, deploy: Deploy
) -> None:
    async with two_versions(quick_client, deploy):
        handles = [await start(quick_client, deploy, kind) for kind in (Pinned, Moving)]
        await deploy("ramp", "v2", "--percentage", "25")
        document = (await deploy("status", "--json")).document
        [v2, v1] = document["deployments"][0]["versions"]
        assert (v1["pinned"], v1["auto_upgrade"]) == (1, 1)
        assert (v1["workers"], v2["workers"]) == (["v1@test"], ["v2@test"])
        assert {(queue["name"], queue["type"]) for queue in v2["task_queues"]} == {
            (deploy.name, "workflow"),
            (deploy.name, "activity"),
        }

        code, sent, text = await fleetctl_on_terminal(
            "deploy", "status", deploy.name, settings=deploy.settings
        )
        assert code == ExitCode.OK
        assert "\x1b[32mv1" in sent, "the current version is green"
        assert "ramping" in text
        assert "25 %" in text

        everything = await fleetctl_in_pipe("deploy", "status", settings=deploy.settings)
        rows = [line.split() for line in everything.out.splitlines()]
        assert [deploy.name, "v2", "ramping", "25", "%"] in [row[:5] for row in rows]
        assert [deploy.name, "v1", "current", "75", "%"] in [row[:5] for row in rows]
        for handle in handles:
            await handle.signal("finish")
            await handle.result()


async def test_the_status_names_pinned_workflows_whose_workers_are_gone(
    quick_client: Client, deploy: Deploy
) -> None:
    async with workers_of(quick_client, deploy.name, "v2", deploy.name):
        async with workers_of(quick_client, deploy.name, "v1", deploy.name):
            await make_current(deploy, "v1")
            pinned = await start(quick_client, deploy, Pinned)
            await make_current(deploy, "v2")
        await until_forgotten(quick_client, deploy.name, "v1")
        found = await deploy("status")
        assert "1 pinned on v1, and no worker of it runs: start some" in found.err.splitlines()
        await pinned.terminate()


async def test_the_printed_command_moves_pinned_workflows_to_the_version_before(
    quick_client: Client, deploy: Deploy
) -> None:
    async with two_versions(quick_client, deploy):
        await make_current(deploy, "v2")
        pinned = await start(quick_client, deploy, Pinned)
        command = shlex.split((await deploy("rollback")).out.splitlines()[-1])
        assert command[0] == "temporal"
        moved = await asyncio.create_subprocess_exec(
            temporal_program(),
            *command[1:],
            "--yes",
            env={"TEMPORAL_ADDRESS": deploy.settings["TEMPORAL_ADDRESS"], "HOME": "/nonexistent"},
        )
        assert await moved.wait() == 0

        async def told_to_move() -> bool:
            info = (await pinned.describe()).raw_description.workflow_execution_info
            return info.versioning_info.HasField("versioning_override")

        await until(told_to_move)
        await pinned.signal("finish")  # it moves with its next task
        await pinned.result()
    assert await versions(pinned) == ["v2", "v1"]
