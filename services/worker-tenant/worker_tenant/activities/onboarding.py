"""Activities of onboarding: each one transaction in the catalogue, safe to run again."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from temporalio import activity

from tenant_catalog.contracts.users import Role
from tenant_catalog.users import IssuedToken, Onboarding, UserCatalog


@dataclass(frozen=True)
class AddUser:
    slug: str
    email: str
    display_name: str
    role: Role
    new_user_id: UUID
    operation: str


@dataclass(frozen=True)
class IssueToken:
    member: Onboarding
    expires_at: datetime
    reminder: bool


@dataclass(frozen=True)
class ActivateUser:
    member: Onboarding
    token_digest: str


class OnboardingActivities:
    def __init__(self, users: UserCatalog) -> None:
        self._users = users

    @activity.defn
    async def add_user(self, request: AddUser) -> Onboarding:
        return await self._users.add_user(
            request.slug,
            request.email,
            request.display_name,
            request.role,
            request.new_user_id,
            request.operation,
        )

    @activity.defn
    async def issue_token(self, request: IssueToken) -> IssuedToken:
        """Gives the token's digest; the token itself is only in the mail in the outbox."""
        issue = self._users.enqueue_reminder if request.reminder else self._users.issue_verification
        return await issue(request.member, request.expires_at)

    @activity.defn
    async def activate_user(self, request: ActivateUser) -> str:
        """Gives the key of the welcome mail in the outbox."""
        return await self._users.activate_user(request.member, request.token_digest)

    @activity.defn
    async def expire_user(self, member: Onboarding) -> bool:
        """Whether the membership is gone; not if the user has become active meanwhile."""
        return await self._users.expire_user(member)
