"""Onboarding of a user: invited, verified by mail, active; or expired."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from tenant_catalog.contracts.users import (
    ONBOARDING_QUERY,
    ONBOARDING_WORKFLOW,
    VERIFY_UPDATE,
    OnboardedUser,
    OnboardingState,
    OnboardingStatus,
    OnboardUser,
    VerifyEmail,
)
from worker_tenant.workflows.options import MAIL, PERSISTENT, STEP
from worker_tenant.workflows.steps import root_message
from worker_tenant.workflows.uncancelled import to_the_end

with workflow.unsafe.imports_passed_through():
    from tenant_catalog.users import Onboarding
    from worker_tenant.activities.mails import MailActivities
    from worker_tenant.activities.onboarding import (
        ActivateUser,
        AddUser,
        IssueToken,
        OnboardingActivities,
    )

_OPEN: Final = (OnboardingState.STARTING, OnboardingState.WAITING)


# Some days at most, the time that an old version is kept for it.
@workflow.defn(name=ONBOARDING_WORKFLOW, versioning_behavior=VersioningBehavior.PINNED)
class UserOnboardingWorkflow:
    """user and membership → token → mail → verified (reminded once) or expired → welcomed.

    The token itself is only in the mail: this history holds digests, and a wrong token is refused
    by the update's validator, which leaves no trace in the history. Cancelled, or failed for good,
    it removes the pending user.
    """

    def __init__(self) -> None:
        self._state = OnboardingState.STARTING
        self._reminded = False
        self._mail = ""
        self._digests: list[str] = []
        self._verified_with: str | None = None
        self._failure = ""

    @workflow.run
    async def run(self, request: OnboardUser) -> OnboardedUser:
        expires_at = workflow.now() + request.expire_after
        onboarding = await to_the_end(self._add(request))
        try:
            return await self._onboard(request, onboarding, expires_at)
        except (ActivityError, asyncio.CancelledError) as error:
            cancelled = is_cancelled_exception(error)
            self._failure = "the onboarding was cancelled" if cancelled else root_message(error)
            await to_the_end(self._remove(onboarding))
            raise

    @workflow.query(name=ONBOARDING_QUERY)
    def onboarding(self) -> OnboardingStatus:
        return OnboardingStatus(self._state, self._reminded, self._mail)

    @workflow.update(name=VERIFY_UPDATE)
    async def verify(self, request: VerifyEmail) -> OnboardingStatus:
        """Verifies the address; returns when the user is active."""
        self._verified_with = request.token_digest
        await workflow.wait_condition(lambda: self._state not in _OPEN or self._failure != "")
        if self._failure:
            raise ApplicationError(self._failure, type="NotActivated", non_retryable=True)
        return self.onboarding()

    @verify.validator
    def token_is_right(self, request: VerifyEmail) -> None:
        # By the token and not by the state `waiting`: its mail can be read before we hear that it
        # was sent.
        if not self._digests or self._state not in _OPEN:
            raise ApplicationError(
                f"the onboarding is {self._state.value}, it does not wait for a token",
                type="NotWaiting",
                non_retryable=True,
            )
        if request.token_digest not in self._digests:
            raise ApplicationError(
                "this is not the token from the verification mail",
                type="InvalidToken",
                non_retryable=True,
            )

    async def _onboard(
        self, request: OnboardUser, onboarding: Onboarding, expires_at: datetime
    ) -> OnboardedUser:
        if workflow.cancellation_reason() is not None:  # it came while the user was added
            raise asyncio.CancelledError
        await self._mail_token(onboarding, expires_at, reminder=False)
        self._state = OnboardingState.WAITING
        if await self._verified(min(request.remind_after, expires_at - workflow.now())):
            return await self._activate(onboarding)
        if workflow.now() < expires_at:
            await self._mail_token(onboarding, expires_at, reminder=True)
            self._reminded = True
            if await self._verified(expires_at - workflow.now()):
                return await self._activate(onboarding)
        return await self._expire(onboarding)

    async def _add(self, request: OnboardUser) -> Onboarding:
        return await workflow.execute_activity_method(
            OnboardingActivities.add_user,
            AddUser(
                slug=request.slug,
                email=request.email,
                display_name=request.display_name,
                role=request.role,
                new_user_id=workflow.uuid4(),
                operation=workflow.info().run_id,
            ),
            **STEP,
        )

    async def _mail_token(
        self, onboarding: Onboarding, expires_at: datetime, *, reminder: bool
    ) -> None:
        issued = await workflow.execute_activity_method(
            OnboardingActivities.issue_token, IssueToken(onboarding, expires_at, reminder), **STEP
        )
        self._digests.append(issued.digest)
        await self._send(issued.mail_key)

    async def _send(self, mail: str) -> None:
        """A mail that cannot be sent must not end the onboarding: a reminder follows."""
        try:
            await workflow.execute_activity_method(MailActivities.send_mail, mail, **MAIL)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._mail = root_message(error)
            workflow.logger.warning("mail could not be sent: %s", self._mail)
        else:
            self._mail = "sent"

    async def _verified(self, within: timedelta) -> bool:
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._verified_with is not None, timeout=max(within, timedelta())
            )
        # Asked again: the update and the end of the time may have come together.
        return self._verified_with is not None

    async def _activate(self, onboarding: Onboarding) -> OnboardedUser:
        assert self._verified_with is not None
        welcome = await to_the_end(
            workflow.execute_activity_method(
                OnboardingActivities.activate_user,
                ActivateUser(onboarding, self._verified_with),
                **PERSISTENT,
            )
        )
        return await self._end(onboarding, OnboardingState.ACTIVE, welcome)

    async def _expire(self, onboarding: Onboarding) -> OnboardedUser:
        await to_the_end(self._expire_user(onboarding))
        return await self._end(onboarding, OnboardingState.EXPIRED, None)

    async def _remove(self, onboarding: Onboarding) -> None:
        """What ended without an outcome leaves nobody pending, and no update without an answer."""
        await self._expire_user(onboarding)
        await workflow.wait_condition(workflow.all_handlers_finished)

    async def _expire_user(self, onboarding: Onboarding) -> None:
        await workflow.execute_activity_method(
            OnboardingActivities.expire_user, onboarding, **PERSISTENT
        )

    async def _end(
        self, onboarding: Onboarding, state: OnboardingState, mail: str | None
    ) -> OnboardedUser:
        self._state = state
        await workflow.wait_condition(workflow.all_handlers_finished)
        if mail is not None:
            await to_the_end(self._send(mail))
        return OnboardedUser(onboarding.user_id, state, self._reminded)
