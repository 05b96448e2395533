"""One workflow, laid out as in Temporal's samples, with its imports passed through."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from benchmarks.workloads.orders.activities import charge
    from benchmarks.workloads.orders.models import Order, Receipt


@workflow.defn
class OrderWorkflow:
    @workflow.run
    async def run(self, order: Order) -> Receipt:
        workflow.logger.info("order of %d lines", len(order.lines))
        receipt = await workflow.execute_activity(
            charge, order, start_to_close_timeout=timedelta(minutes=1)
        )
        workflow.logger.info("charged %d cents", receipt.cents)
        return receipt
