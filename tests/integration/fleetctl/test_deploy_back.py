"""fleetctl deploy rollback and retire, against real versioned workers on a real server."""

import asyncio
import shlex

from temporalio.client import Client

from dev_servers.programs import temporal_program
from fleetctl.exit_codes import ExitCode
from temporal_common.deployments import VersionStatus
from tests.support.deploys import Deploy, error, make_current, start, two_versions
from tests.support.histories import versions
from tests.support.holding import until
from tests.support.versioned_workflows import Pinned
from tests.support.versions import until_forgotten, until_status, workers_of


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
        assert error(first).startswith(
            f"no version of deployment {deploy.name!r} was current before 'v1'"
        )

        await make_current(deploy, "v2")
        pinned = await start(quick_client, deploy, Pinned)
        done = await deploy("rollback")
        assert done.code == ExitCode.OK, done.err
        said = done.out.splitlines()
        assert said[0] == f"{deploy.name}: v1 is current again, in place of v2"
        assert said[1].startswith("1 pinned workflow stays on v2")
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
