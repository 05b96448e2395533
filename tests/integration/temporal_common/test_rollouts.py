"""Rollouts on a real server: what somebody else does meanwhile."""

import pytest
from temporalio.client import Client

from temporal_common.deployments import VersionStatus, describe_deployment
from temporal_common.rollouts import DeploymentChanged, promote, ramp, rollback
from tests.support.versions import workers_of


async def test_a_change_by_somebody_else_in_between_is_a_conflict_and_is_kept(
    quick_client: Client, deployment_name: str
) -> None:
    client, name = quick_client, deployment_name
    async with (
        workers_of(client, name, "v1", name),
        workers_of(client, name, "v2", name),
    ):
        await promote(client, await describe_deployment(client, name), "v1")
        seen = await describe_deployment(client, name)
        await ramp(client, seen, "v2", 20)  # by somebody else

        for change in (ramp(client, seen, "v2", 30), promote(client, seen, "v2")):
            with pytest.raises(DeploymentChanged, match="was changed by somebody else meanwhile"):
                await change
        ramping = (await describe_deployment(client, name)).ramping
        assert ramping is not None
        assert (ramping.build_id, ramping.share) == ("v2", 20)

        seen = await describe_deployment(client, name)
        await promote(client, seen, "v2")
        with pytest.raises(DeploymentChanged):
            await rollback(client, seen)
        assert (await describe_deployment(client, name)).version("v2").status is (
            VersionStatus.CURRENT
        )
