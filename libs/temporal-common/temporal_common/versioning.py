"""Which version of which worker deployment this process is: the switch for Worker Versioning.

The names are those that the Temporal worker controller gives to every container.
https://docs.temporal.io/production-deployment/worker-deployments/worker-versioning
"""

import os
from typing import Final

from temporalio.common import WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

from temporal_common.build_id import image_build_id
from temporal_common.errors import SettingsError

NAME_VARIABLE: Final = "TEMPORAL_DEPLOYMENT_NAME"
BUILD_ID_VARIABLE: Final = "TEMPORAL_WORKER_BUILD_ID"

MAX_QUEUES_OF_A_VERSION: Final = 100
"""`matching.maxTaskQueuesInDeploymentVersion` of the server."""

_MAX_LENGTH: Final = 255
NAME_RULE: Final = "at most 255 characters, without '.' and ':', not beginning with '__'"
BUILD_ID_RULE: Final = "at most 255 characters, not beginning with '__'"


def load_version() -> WorkerDeploymentVersion | None:
    """The version, by `TEMPORAL_DEPLOYMENT_NAME` and `TEMPORAL_WORKER_BUILD_ID`; None without them.

    In an image the build id is the image's own, unless the variable names another: there the name
    alone turns versioning on.

    Raises:
        SettingsError: only half of the pair is there, or one is not usable. The server would not
            say so: such a worker polls on, and no deployment ever lists it.
    """
    name = os.environ.get(NAME_VARIABLE) or None
    given = os.environ.get(BUILD_ID_VARIABLE) or None
    build_id = given or image_build_id()
    if name is None and given is None:
        return None
    if name is None:
        raise SettingsError(
            f"{BUILD_ID_VARIABLE}={given!r} is set and {NAME_VARIABLE} is not: Worker Versioning "
            "needs both; set the name of the deployment, or remove the build id"
        )
    if build_id is None:
        raise SettingsError(
            f"{NAME_VARIABLE}={name!r} is set and {BUILD_ID_VARIABLE} is not: Worker Versioning "
            "needs both; set the build id (an image brings its own), or remove the name"
        )
    if len(name) > _MAX_LENGTH or set(name) & set(".:") or name.startswith("__"):
        raise SettingsError(f"{NAME_VARIABLE}={name!r} is not valid: {NAME_RULE}")
    if len(build_id) > _MAX_LENGTH or build_id.startswith("__"):
        raise SettingsError(f"{BUILD_ID_VARIABLE}={build_id!r} is not valid: {BUILD_ID_RULE}")
    return WorkerDeploymentVersion(name, build_id)


def deployment_config(version: WorkerDeploymentVersion | None) -> WorkerDeploymentConfig | None:
    """For a Worker. Without a default behaviour: each workflow states its own, or the SDK refuses
    the Worker."""
    if version is None:
        return None
    return WorkerDeploymentConfig(version=version, use_worker_versioning=True)
