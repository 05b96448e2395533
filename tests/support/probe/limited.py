"""The probe with tenants held to a limit: `python -m tests.support.probe.limited`."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from temporal_common.entrypoint import main

if TYPE_CHECKING:
    from temporal_common.worker import WorkerSpec

LEASE_TIME = "PROBE_LEASE_TIME"
"""Seconds. Fifteen are right for a service and long for a test."""


def load_spec() -> "WorkerSpec":
    from temporal_common.settings import load
    from temporal_common.tenant_limit import TenantLimiter
    from temporal_common.worker import Startup
    from tenant_catalog.leases import open_tenant_leases
    from tenant_catalog.settings import DatabaseSettings
    from tests.support.probe.worker import PROBE

    @asynccontextmanager
    async def tenant_limiter(startup: Startup, limit: int) -> AsyncIterator[TenantLimiter]:
        lease_time = timedelta(seconds=float(os.environ.get(LEASE_TIME, "15")))
        async with open_tenant_leases(
            startup.settings, workload="probe", limit=limit, lease_time=lease_time
        ) as leases:
            yield leases

    return replace(PROBE, settings=lambda: load(DatabaseSettings), tenant_limiter=tenant_limiter)


if __name__ == "__main__":
    main(load_spec, health_port=0)
