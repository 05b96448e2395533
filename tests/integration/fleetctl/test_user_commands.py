"""fleetctl user … and token …, against the real services on real servers."""

import re

import psycopg

from fleetctl.exit_codes import ExitCode
from tests.support.fleet import Fleet
from tests.support.tenants import active


async def token_from_mail(fleet: Fleet, email: str) -> str:
    mail = await fleet.mails.wait_for(to=email)
    found = re.search(r"^Token: (\S+)$", mail.get_content(), re.MULTILINE)
    assert found is not None
    return found[1]


async def test_a_user_is_active_after_the_verification(fleet: Fleet, slug: str) -> None:
    await active(fleet.catalog, slug)
    ada = f"ada@{slug}.test"

    onboarded = await fleet.fleetctl("user", "onboard", slug, ada, "--role", "admin", "--json")
    verified = await fleet.fleetctl(
        "user", "verify", slug, ada.upper(), await token_from_mail(fleet, ada), "--json"
    )

    assert (onboarded.code, onboarded.document["state"]) == (ExitCode.OK, "waiting")
    assert verified.code == ExitCode.OK, verified.err
    assert verified.document == {"slug": slug, "email": ada, "state": "active"}
    async with await psycopg.AsyncConnection.connect(fleet.settings["DATABASE_URL"]) as connection:
        members = await connection.execute(
            "SELECT role, memberships.state FROM catalog.memberships"
            " JOIN catalog.users USING (user_id) WHERE email = %s",
            [ada],
        )
        assert await members.fetchall() == [("admin", "active")]


async def test_a_wrong_token_is_refused_and_the_right_one_still_works(
    fleet: Fleet, slug: str
) -> None:
    await active(fleet.catalog, slug)
    ada = f"ada@{slug}.test"
    await fleet.fleetctl("user", "onboard", slug, ada)

    wrong = await fleet.fleetctl("user", "verify", slug, ada, "wrong")
    right = await fleet.fleetctl("user", "verify", slug, ada, await token_from_mail(fleet, ada))

    assert wrong.code == ExitCode.REFUSED
    assert wrong.out == ""
    assert "fleetctl: this is not the token from the verification mail\n" in wrong.err
    assert right.code == ExitCode.OK


async def test_the_result_of_an_onboarding_says_how_to_go_on(fleet: Fleet, slug: str) -> None:
    await active(fleet.catalog, slug)

    onboarded = await fleet.fleetctl("user", "onboard", slug, f"ada@{slug}.test")

    assert f"verify with: fleetctl user verify {slug} ada@{slug}.test TOKEN\n" in onboarded.out


async def test_an_invitation_whose_mail_is_refused_says_why(fleet: Fleet, slug: str) -> None:
    await active(fleet.catalog, slug)
    fleet.mails.refuse_with(550, "no such mailbox")

    onboarded = await fleet.fleetctl("user", "onboard", slug, f"ada@{slug}.test")

    assert (onboarded.code, onboarded.out) == (ExitCode.FAILED, "")
    assert f"mail to ada@{slug}.test could not be sent: SMTP server" in onboarded.err
    assert "550: no such mailbox; a reminder with another token follows" in onboarded.err


async def test_an_invitation_lapses_for_whom_waits_for_it(fleet: Fleet, slug: str) -> None:
    await active(fleet.catalog, slug)

    lapsed = await fleet.fleetctl(
        "user", "onboard", slug, f"ada@{slug}.test", "--expire-after", "1s", "--wait"
    )

    assert lapsed.code == ExitCode.FAILED
    assert lapsed.err.endswith(
        f"fleetctl: the invitation of ada@{slug}.test to {slug} lapsed without a verification\n"
    )


async def test_a_second_onboarding_of_a_user_is_a_conflict(fleet: Fleet, slug: str) -> None:
    await active(fleet.catalog, slug)
    await fleet.fleetctl("user", "onboard", slug, f"ada@{slug}.test")

    again = await fleet.fleetctl("user", "onboard", slug, f"ada@{slug}.test")

    assert again.code == ExitCode.CONFLICT
    assert "is being onboarded" in again.err


async def test_a_user_cannot_be_onboarded_to_an_unknown_tenant(fleet: Fleet, slug: str) -> None:
    onboarded = await fleet.fleetctl("user", "onboard", slug, f"ada@{slug}.test", "--json")

    assert onboarded.code == ExitCode.NOT_FOUND
    assert onboarded.document["error"]["type"] == "TenantNotFound"


async def test_a_verification_without_an_onboarding_names_the_command_that_begins_one(
    fleet: Fleet, slug: str
) -> None:
    verified = await fleet.fleetctl("user", "verify", slug, f"ada@{slug}.test", "token")

    assert verified.code == ExitCode.NOT_FOUND
    assert f"begin one with: fleetctl user onboard {slug} ada@{slug}.test\n" in verified.err


async def test_a_token_clean_up_deletes_what_has_expired_and_counts_it(
    fleet: Fleet, slug: str
) -> None:
    await active(fleet.catalog, slug)
    async with await psycopg.AsyncConnection.connect(fleet.settings["DATABASE_URL"]) as connection:
        await connection.execute(
            "INSERT INTO catalog.refresh_tokens (tenant_id, user_id, token_digest, expires_at)"
            " SELECT tenant_id, user_id, encode(sha256((slug || n)::bytea), 'hex'),"
            " now() + CASE WHEN n <= 30 THEN interval '-1 hour' ELSE interval '1 hour' END"
            " FROM catalog.memberships JOIN catalog.tenants USING (tenant_id),"
            " generate_series(1, 40) AS n WHERE slug = %s",
            [slug],
        )

    cleaned = await fleet.fleetctl("token", "cleanup", "--batch-size", "7", "--json")

    assert cleaned.code == ExitCode.OK, cleaned.err
    assert cleaned.document["deleted"]["refresh_tokens"] == 30
    async with await psycopg.AsyncConnection.connect(fleet.settings["DATABASE_URL"]) as connection:
        left = await connection.execute(
            "SELECT count(*) FROM catalog.refresh_tokens"
            " JOIN catalog.tenants USING (tenant_id) WHERE slug = %s",
            [slug],
        )
        assert await left.fetchone() == (10,)
