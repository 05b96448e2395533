"""Payloads, as Temporal's own samples write them: dataclasses in a module of their own."""

from dataclasses import dataclass
from datetime import datetime


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
class Receipt:
    order: str
    cents: int
    charged_at: datetime
