"""fleetctl deploy status, ramp and promote, against real versioned workers on a real server."""

from temporalio.api.workflowservice.v1 import SetWorkerDeploymentManagerRequest
from temporalio.client import Client

from fleetctl.exit_codes import ExitCode
from tests.support.commands import fleetctl_in_pipe, fleetctl_on_terminal
from tests.support.deploys import Deploy, error, make_current, start, two_versions
from tests.support.versioned_workflows import Moving, Pinned
from tests.support.versions import until_forgotten, workers_of


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
        assert shares == {"v2": ("ramping", 12.3), "v1": ("current", 87.7)}
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
        "100 is not a ramp; valid: 0.01 to 99.99 (all is a promotion, nothing a rollback)"
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
