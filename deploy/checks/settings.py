"""Every environment name is known to the code, every setting is given, every value is accepted."""

from collections.abc import Callable, Iterator
from typing import Final

import opentelemetry.sdk.environment_variables as otel

from deploy.checks.findings import Finding
from deploy.checks.manifests import Rendering, Worker
from deploy.checks.workloads import SPECS, environment, settings_models, tuning_names
from temporal_common.errors import SettingsError
from temporal_common.settings import (
    HealthSettings,
    LogSettings,
    QueueSettings,
    Settings,
    ShardSettings,
    load,
)
from temporal_common.tuning import load_tuning
from temporal_common.versioning import load_version
from temporal_common.worker import WorkerSpec

# https://docs.temporal.io/develop/environment-configuration; the SDK's core reads them, so that
# there is no list to import. The last two come from the worker controller.
TEMPORAL: Final = frozenset(
    [
        "TEMPORAL_ADDRESS",
        "TEMPORAL_NAMESPACE",
        "TEMPORAL_CONFIG_FILE",
        "TEMPORAL_PROFILE",
        "TEMPORAL_API_KEY",
        "TEMPORAL_TLS",
        "TEMPORAL_TLS_CLIENT_CERT_PATH",
        "TEMPORAL_TLS_CLIENT_KEY_PATH",
        "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
        "TEMPORAL_TLS_SERVER_NAME",
        "TEMPORAL_DEPLOYMENT_NAME",
        "TEMPORAL_WORKER_BUILD_ID",
    ]
)
# https://www.postgresql.org/docs/current/libpq-envars.html: those that name files.
LIBPQ: Final = frozenset({"PGSERVICEFILE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"})
REQUIRED_OF_TEMPORAL: Final = frozenset({"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"})
_EVERY_SERVICE: Final = (QueueSettings, ShardSettings, HealthSettings, LogSettings)


def check(rendering: Rendering) -> Iterator[Finding]:
    for worker in rendering.workers():
        spec = SPECS.get(worker.name)
        if spec is None:
            yield worker.finding(
                "no such service in the code", f"name it one of {', '.join(SPECS)}"
            )
            continue
        yield from _names(worker, spec)
        yield from _values(worker, spec)


def _models(spec: WorkerSpec) -> list[type[Settings]]:
    return [*_EVERY_SERVICE, *settings_models(spec)]


def _names(worker: Worker, spec: WorkerSpec) -> Iterator[Finding]:
    settings = {name for model in _models(spec) for name in model.environment_names().values()}
    expected = settings | tuning_names() | REQUIRED_OF_TEMPORAL
    known = expected | TEMPORAL | LIBPQ | {name for name in dir(otel) if name.startswith("OTEL_")}
    given = worker.environment_names()
    for name in sorted(given - known):
        yield worker.finding(
            f"{name} is no setting of {worker.name}, which would ignore it",
            "correct or remove the name",
        )
    for name in sorted(expected - given):
        yield worker.finding(
            f"{name} is not given, so a default for laptops would apply",
            f"add it to deploy/k8s/base/{worker.name}/settings.env",
        )


def _values(worker: Worker, spec: WorkerSpec) -> Iterator[Finding]:
    readers: list[Callable[[], object]] = [
        *(lambda model=model: load(model) for model in _EVERY_SERVICE),
        lambda: load_tuning(spec.tuning),
        spec.settings,
        load_version,
    ]
    with environment(worker.environment()):
        for reader in readers:
            try:
                reader()
            except SettingsError as error:
                for line in str(error).splitlines():
                    yield worker.finding(f"the service refuses to start: {line}", "give it a value")
