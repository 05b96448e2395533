"""The workers' code, by the name of their Deployments."""

import dataclasses
import os
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from temporal_common.queues import QueueLayout
from temporal_common.settings import QueueSettings, Settings, load
from temporal_common.tuning import Tuning, load_tuning
from temporal_common.worker import WorkerSpec
from worker_jobs.worker import WORKER as JOBS
from worker_tenant.worker import WORKER as TENANT

SPECS: Final[Mapping[str, WorkerSpec]] = {spec.service: spec for spec in (TENANT, JOBS)}


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """The process's environment is exactly this, as a pod's would be."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def settings_models(spec: WorkerSpec) -> list[type[Settings]]:
    """The models behind the spec's own settings: those of Postgres, of mail and so on."""
    whole = typing.get_type_hints(spec.settings)["return"]
    return [typing.get_type_hints(whole)[part.name] for part in dataclasses.fields(whole)]


def tuning_names() -> set[str]:
    return {f"WORKER_{field}".upper() for field in Tuning.model_fields}


def tuning_in(spec: WorkerSpec, variables: Mapping[str, str]) -> Tuning:
    """Raises SettingsError."""
    with environment(variables):
        return load_tuning(spec.tuning)


def layout_in(variables: Mapping[str, str]) -> QueueLayout:
    """Raises SettingsError."""
    with environment(variables):
        return load(QueueSettings).layout
