"""Contract of user onboarding."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

ONBOARDING_WORKFLOW: Final = "UserOnboardingWorkflow"
VERIFY_UPDATE: Final = "verify"
"""Update that shows the token from the mail (`VerifyEmail`); refused when the token is wrong."""
ONBOARDING_QUERY: Final = "onboarding"
"""Answered with `OnboardingStatus`."""


def onboarding_id(slug: str, email: str) -> str:
    """Workflow id. Ids are never encrypted by Temporal, hence a digest in place of the address."""
    digest = hashlib.blake2b(email.lower().encode(), digest_size=8).hexdigest()
    return f"user-onboarding/{slug}/{digest}"


class Role(StrEnum):
    ADMIN = "admin"
    MEMBER = "member"


@dataclass(frozen=True)
class OnboardUser:
    slug: str
    email: str
    display_name: str = ""
    role: Role = Role.MEMBER
    remind_after: timedelta = timedelta(days=2)
    expire_after: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class VerifyEmail:
    """Shows that the sender knows the token: `VerifyEmail.with_token(token)`.

    Not by the token itself, because an accepted update stays in the workflow's history.
    """

    proof: str

    @classmethod
    def with_token(cls, token: str) -> "VerifyEmail":
        return cls(_sha256(token))

    @property
    def token_digest(self) -> str:
        return _sha256(self.proof)


class OnboardingState(StrEnum):
    STARTING = "starting"
    WAITING = "waiting"
    """The mail is out; the user has not verified the address yet."""
    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True)
class OnboardingStatus:
    state: OnboardingState
    reminded: bool = False
    mail: str = ""
    """What became of the last mail: `sent`, or why it could not be sent; empty before the first."""


@dataclass(frozen=True)
class OnboardedUser:
    user_id: UUID
    state: OnboardingState
    """`active` or `expired`."""
    reminded: bool = False


def token_digest(token: str) -> str:
    """What is kept of a token: the SHA-256 of its SHA-256, in hex.

    Twice, because what is kept must not serve as the proof. Tokens have 256 random bits, so no
    salt.
    """
    return VerifyEmail.with_token(token).token_digest


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
