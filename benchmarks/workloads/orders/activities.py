"""One activity that does next to nothing: what is left is what a worker costs."""

from datetime import UTC, datetime

from temporalio import activity

from benchmarks.workloads.orders.models import Order, Receipt


@activity.defn
async def charge(order: Order) -> Receipt:
    activity.logger.info("charging %s", order.customer)
    cents = sum(line.pieces * line.cents for line in order.lines)
    return Receipt(order.number, cents, datetime.now(UTC))
