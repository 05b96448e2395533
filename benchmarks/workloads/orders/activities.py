"""Activities that do next to nothing: what is left is what a worker costs."""

from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio import activity


@dataclass
class Charge:
    order: str
    customer: str
    cents: int


@dataclass
class Receipt:
    order: str
    cents: int
    charged_at: datetime


@dataclass
class Ship:
    order: str
    articles: list[str]


@activity.defn
async def charge(charge: Charge) -> Receipt:
    activity.logger.info("charging %s", charge.customer)
    return Receipt(charge.order, charge.cents, datetime.now(UTC))


@activity.defn
async def ship(ship: Ship) -> None:
    activity.logger.info("shipping %d articles", len(ship.articles))
