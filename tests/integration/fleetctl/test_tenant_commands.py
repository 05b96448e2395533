"""fleetctl tenant …, against the real services on real servers."""

import psycopg
from psycopg import sql

from fleetctl.exit_codes import ExitCode
from tests.support.commands import fleetctl_on_terminal, running_fleetctl
from tests.support.fleet import Fleet
from tests.support.tenants import active, deleted


async def test_a_provisioned_tenant_has_its_schema_administrator_and_mail(
    fleet: Fleet, slug: str
) -> None:
    done = await fleet.fleetctl(
        "tenant", "provision", slug, "--admin-email", f"Admin@{slug}.test", "--json"
    )

    assert done.code == ExitCode.OK, done.err
    assert done.document["state"] == "active"
    assert done.document["admin_email"] == f"admin@{slug}.test"
    assert done.document["welcome_mail"] == "sent"
    async with await psycopg.AsyncConnection.connect(fleet.settings["DATABASE_URL"]) as connection:
        projects = await connection.execute(
            sql.SQL("SELECT count(*) FROM {}").format(
                sql.Identifier(done.document["schema"], "projects")
            )
        )
        assert await projects.fetchone() is not None
        admins = await connection.execute(
            "SELECT email FROM catalog.memberships JOIN catalog.users USING (user_id)"
            " WHERE tenant_id = %s AND role = 'admin'",
            [done.document["tenant_id"]],
        )
        assert await admins.fetchall() == [(f"admin@{slug}.test",)]
    assert await fleet.mails.wait_for(to=f"admin@{slug}.test")


async def test_in_a_pipe_each_step_is_a_line_on_stderr_and_the_result_is_on_stdout(
    fleet: Fleet, slug: str
) -> None:
    done = await fleet.fleetctl("tenant", "provision", slug, "--admin-email", f"admin@{slug}.test")

    finished = [line.split(":")[0] for line in done.err.splitlines() if ": done" in line]
    assert finished == [
        *("reserve", "schema", "migrations", "admin", "defaults", "activate", "welcome mail")
    ]
    assert done.out.startswith(f"tenant {slug} is active\n")
    assert "\x1b" not in done.out + done.err


async def test_on_a_terminal_the_steps_change_in_place(fleet: Fleet, slug: str) -> None:
    code, sent, text = await fleetctl_on_terminal(
        *("tenant", "provision", slug, "--admin-email", f"admin@{slug}.test"),
        settings=fleet.settings,
    )

    assert code == ExitCode.OK, text
    assert "\x1b[1A" in sent, "the cursor goes up to draw the steps again"
    assert "✔  welcome mail" in text
    assert "\x1b[?25h" in sent, "the cursor is shown again"
    assert f"tenant {slug} is active" in text


async def test_a_slug_that_is_taken_is_a_conflict_in_one_line(fleet: Fleet, slug: str) -> None:
    await active(fleet.catalog, slug)

    again = await fleet.fleetctl("tenant", "provision", slug, "--admin-email", "other@acme.test")

    assert again.code == ExitCode.CONFLICT
    assert again.out == ""
    assert [line for line in again.err.splitlines() if line.startswith("fleetctl: ")] == [
        f"fleetctl: tenant {slug!r} exists already and is active"
    ]


async def test_with_json_a_failure_is_a_document_too(fleet: Fleet, slug: str) -> None:
    await active(fleet.catalog, slug)

    again = await fleet.fleetctl(
        "tenant", "provision", slug, "--admin-email", "other@acme.test", "--json"
    )

    assert again.code == ExitCode.CONFLICT
    assert again.document == {
        "error": {
            "type": "TenantExists",
            "message": f"tenant {slug!r} exists already and is active",
        }
    }


async def test_a_step_that_is_tried_again_says_why(fleet: Fleet, slug: str) -> None:
    fleet.mails.refuse_with(451, "mailbox is busy", times=2)

    done = await fleet.fleetctl("tenant", "provision", slug, "--admin-email", f"admin@{slug}.test")

    assert done.code == ExitCode.OK
    assert "send_mail is tried again: " in done.err
    assert "451: mailbox is busy" in done.err


async def test_no_wait_returns_at_once_and_says_how_to_look_at_the_work(
    fleet: Fleet, slug: str
) -> None:
    started = await fleet.fleetctl(
        *("tenant", "provision", slug, "--admin-email", f"admin@{slug}.test"),
        *("--no-wait", "--json"),
    )

    assert started.code == ExitCode.OK
    assert started.err == ""
    assert started.document["workflow_id"] == f"tenant-provisioning/{slug}"
    assert started.document["follow"] == f"fleetctl tenant status {slug}"


async def test_a_deletion_waits_for_the_end_of_a_short_retention(fleet: Fleet, slug: str) -> None:
    await active(fleet.catalog, slug)

    done = await fleet.fleetctl("tenant", "delete", slug, "--retention", "1s", "--json")

    assert done.code == ExitCode.OK, done.err
    assert done.document["state"] == "deleted"
    assert done.document["tables_dropped"] >= 12


async def test_with_a_long_retention_a_deletion_returns_when_the_tenant_is_deleted_softly(
    fleet: Fleet, slug: str
) -> None:
    await active(fleet.catalog, slug)

    done = await fleet.fleetctl("tenant", "delete", slug)
    status = await fleet.fleetctl("tenant", "status", slug, "--json")

    assert done.code == ExitCode.OK
    assert f"tenant {slug} is deleted softly; its data will be gone at " in done.out
    assert f"fleetctl tenant restore {slug}\n" in done.out
    assert status.document["state"] == "deleting"
    assert status.document["operation"]["name"] == "deletion"
    assert [step["state"] for step in status.document["operation"]["steps"]] == [
        *("done", "running", "pending", "pending")
    ]


async def test_a_restored_tenant_is_active_again(fleet: Fleet, slug: str) -> None:
    await active(fleet.catalog, slug)
    await fleet.fleetctl("tenant", "delete", slug)

    restored = await fleet.fleetctl("tenant", "restore", slug)
    status = await fleet.fleetctl("tenant", "status", slug, "--json")

    assert (restored.code, restored.out) == (ExitCode.OK, f"tenant {slug} is active again\n")
    assert status.document["state"] == "active"
    assert status.document["operation"] is None


async def test_who_waits_for_a_deletion_hears_that_it_was_taken_back(
    fleet: Fleet, slug: str
) -> None:
    await active(fleet.catalog, slug)
    async with running_fleetctl(
        "tenant", "delete", slug, "--retention", "5m", settings=fleet.settings
    ) as deletion:
        await deletion.until_said("retention: running")

        await fleet.fleetctl("tenant", "restore", slug)
        ended = await deletion.finish()

    assert ended.code == ExitCode.FAILED
    assert f"fleetctl: the deletion of {slug} was taken back; the tenant is active" in ended.err


async def test_a_second_deletion_is_a_conflict_that_names_the_way_back(
    fleet: Fleet, slug: str
) -> None:
    await active(fleet.catalog, slug)
    await fleet.fleetctl("tenant", "delete", slug)

    again = await fleet.fleetctl("tenant", "delete", slug)

    assert again.code == ExitCode.CONFLICT
    assert again.err == (
        f"fleetctl: tenant {slug!r} is being deleted already; "
        f"take it back with: fleetctl tenant restore {slug}\n"
    )


async def test_there_is_nothing_to_restore_without_a_deletion(fleet: Fleet, slug: str) -> None:
    restored = await fleet.fleetctl("tenant", "restore", slug)

    assert restored.code == ExitCode.NOT_FOUND
    assert restored.err == (
        f"fleetctl: no deletion of tenant {slug!r} is running, so there is nothing to restore\n"
    )


async def test_a_tenant_that_nobody_made_cannot_be_deleted(fleet: Fleet, slug: str) -> None:
    deletion = await fleet.fleetctl("tenant", "delete", slug)

    assert deletion.code == ExitCode.NOT_FOUND
    assert deletion.err.endswith(f"\nfleetctl: there is no tenant {slug!r}\n")


async def test_the_status_of_a_tenant_that_nobody_made_is_not_found(
    fleet: Fleet, slug: str
) -> None:
    status = await fleet.fleetctl("tenant", "status", slug)

    assert status.code == ExitCode.NOT_FOUND
    assert status.err == f"fleetctl: there is no tenant {slug!r}\n"


async def test_the_status_of_a_deleted_tenant_says_when_it_went(fleet: Fleet, slug: str) -> None:
    await deleted(fleet.catalog, slug)

    status = await fleet.fleetctl("tenant", "status", slug)

    assert status.code == ExitCode.NOT_FOUND
    assert f"there is no tenant {slug!r}; the last one of that name was deleted" in status.err


async def test_the_list_in_a_pipe_is_plain_columns(fleet: Fleet, slug: str) -> None:
    await active(fleet.catalog, slug)

    listed = await fleet.fleetctl("tenant", "list")

    header, *rows = listed.out.splitlines()
    assert header.split() == ["SLUG", "STATE", "SCHEMA", "CREATED", "NAME"]
    [row] = [row for row in rows if row.startswith(slug)]
    assert row.index("active") == header.index("STATE")


async def test_the_list_on_a_terminal_shows_names_as_they_are(fleet: Fleet, slug: str) -> None:
    named = await fleet.fleetctl(
        *("tenant", "provision", slug, "--admin-email", f"admin@{slug}.test"),
        *("--name", "A[b]c\x1b[31m"),
    )
    assert named.code == ExitCode.OK

    _, sent, text = await fleetctl_on_terminal("tenant", "list", settings=fleet.settings)

    assert "A[b]c�[31m" in text, "markup is not read, and control characters do not come through"
    assert "\x1b[31m" not in sent


async def test_the_list_leaves_tombstones_out_unless_asked(fleet: Fleet, slug: str) -> None:
    await deleted(fleet.catalog, slug)

    async def slugs(*options: str) -> list[str]:
        listed = await fleet.fleetctl("tenant", "list", "--json", *options)
        return [tenant["slug"] for tenant in listed.document["tenants"]]

    assert slug not in await slugs()
    assert slug in await slugs("--all")


async def test_a_provisioning_is_one_trace_from_the_command_to_the_sql(
    fleet: Fleet, slug: str
) -> None:
    done = await fleet.fleetctl(
        *("tenant", "provision", slug, "--admin-email", f"admin@{slug}.test"),
        OTEL_EXPORTER_OTLP_ENDPOINT=fleet.traces.endpoint,
    )
    assert done.code == ExitCode.OK, done.err

    await fleet.traces.wait_for(
        lambda spans: (
            {"fleetctl tenant provision", "CompleteWorkflow:TenantProvisioningWorkflow"}
            <= {span.name for span in spans}
        )
    )
    [root] = [span for span in fleet.traces.spans if span.name == "fleetctl tenant provision"]
    spans = fleet.traces.trace(root.trace_id)
    names = {span.name for span in spans}
    tree = fleet.traces.tree(root.trace_id)
    assert fleet.traces.roots(root.trace_id) == [root], tree
    assert {"StartWorkflow:TenantProvisioningWorkflow", "RunActivity:apply_migration"} <= names
    assert [span for span in spans if {"db.system", "db.system.name"} & span.attributes.keys()], (
        f"no SQL in {tree}"
    )
    assert not [name for name in names if "Query" in name], "the display's polls are left out"
