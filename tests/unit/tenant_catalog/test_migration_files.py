import pytest

from tenant_catalog.migrations.files import (
    Migration,
    catalog_migrations,
    in_order,
    tenant_migrations,
)


def test_a_tenant_has_twelve_tables_in_four_migrations() -> None:
    sql = "\n".join(migration.sql for migration in tenant_migrations())
    assert (sql.count("CREATE TABLE"), len(tenant_migrations())) == (12, 4)


def test_the_migrations_are_listed_in_order_with_their_names() -> None:
    assert [migration.name for migration in catalog_migrations()] == [
        "0001_tenants",
        "0002_users",
        "0003_tokens",
        "0004_mails",
        "0005_cleanup_counts",
        "0006_tenant_leases",
    ]


def test_files_are_ordered_by_number_whatever_the_order_they_are_found_in() -> None:
    found = in_order([("0002_b", "SELECT 2"), ("0001_a", "SELECT 1")])
    assert [migration.version for migration in found] == [1, 2]


@pytest.mark.parametrize(
    "names", [["0002_b"], ["0001_a", "0003_c"], ["0001_a", "0001_b"], ["1_a"], ["0001"]]
)
def test_a_gap_a_double_or_a_bad_name_is_an_error_that_names_the_file(names: list[str]) -> None:
    with pytest.raises(ValueError, match=names[-1]):
        in_order([(name, "") for name in names])


def test_line_ends_of_a_checkout_do_not_change_the_checksum() -> None:
    unix, windows = Migration(1, "0001_a", "A;\nB;\n"), Migration(1, "0001_a", "A;\r\nB;\r\n")
    assert unix.checksum == windows.checksum


def test_any_other_change_does() -> None:
    assert Migration(1, "0001_a", "A").checksum != Migration(1, "0001_a", "B").checksum
