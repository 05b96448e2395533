"""The workflows of a small service, laid out as in Temporal's samples.

Activities and models are passed through the sandbox; the workflow's own helpers are not.
"""

from temporalio import workflow

from benchmarks.workloads.orders.options import CHARGE, SHIP
from benchmarks.workloads.orders.steps import StepLog

with workflow.unsafe.imports_passed_through():
    from benchmarks.workloads.orders.activities import charge, ship
    from benchmarks.workloads.orders.models import Order, Progress, Receipt


@workflow.defn
class OrderWorkflow:
    def __init__(self) -> None:
        self._steps = StepLog()

    @workflow.run
    async def run(self, order: Order) -> Receipt:
        workflow.logger.info("order of %d lines", len(order.lines))
        with self._steps.step("charge"):
            receipt = await workflow.execute_activity(charge, order, **CHARGE)
        workflow.logger.info("charged %d cents", receipt.cents)
        return receipt

    @workflow.query
    def progress(self) -> Progress:
        return self._steps.progress()


@workflow.defn
class ShipmentWorkflow:
    def __init__(self) -> None:
        self._steps = StepLog()
        self._packed = False

    @workflow.run
    async def run(self, order: Order) -> None:
        await workflow.wait_condition(lambda: self._packed)
        with self._steps.step("ship"):
            await workflow.execute_activity(ship, order, **SHIP)

    @workflow.signal
    def packed(self) -> None:
        self._packed = True

    @workflow.query
    def progress(self) -> Progress:
        return self._steps.progress()
