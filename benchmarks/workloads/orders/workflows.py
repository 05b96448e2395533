"""The workflows, with their inputs and results."""

from dataclasses import dataclass

from temporalio import workflow

from benchmarks.workloads.orders.options import CHARGE, SHIP
from benchmarks.workloads.orders.steps import Progress, StepLog

with workflow.unsafe.imports_passed_through():
    from benchmarks.workloads.orders.activities import Charge, Receipt, Ship, charge, ship


@dataclass
class Line:
    article: str
    pieces: int
    cents: int


@dataclass
class Order:
    number: str
    customer: str
    lines: list[Line]


@dataclass
class Ordered:
    receipt: Receipt
    progress: Progress


@workflow.defn
class OrderWorkflow:
    def __init__(self) -> None:
        self._steps = StepLog()

    @workflow.run
    async def run(self, order: Order) -> Ordered:
        workflow.logger.info("order of %d lines", len(order.lines))
        cents = sum(line.pieces * line.cents for line in order.lines)
        with self._steps.step("charge"):
            receipt = await workflow.execute_activity(
                charge, Charge(order.number, order.customer, cents), **CHARGE
            )
        workflow.logger.info("charged %d cents", receipt.cents)
        return Ordered(receipt, self._steps.progress())

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
            articles = [line.article for line in order.lines]
            await workflow.execute_activity(ship, Ship(order.number, articles), **SHIP)

    @workflow.signal
    def packed(self) -> None:
        self._packed = True

    @workflow.query
    def progress(self) -> Progress:
        return self._steps.progress()
