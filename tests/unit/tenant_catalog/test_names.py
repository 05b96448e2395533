from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenant_catalog.names import InvalidName, parse_email, parse_slug, schema_name

SLUGS = st.from_regex(r"[a-z](?:-?[a-z0-9])+", fullmatch=True).filter(
    lambda slug: len(slug) <= 40 and slug not in ("public", "postgres")
)


@given(SLUGS)
def test_a_slug_comes_back_as_it_was(slug: str) -> None:
    assert parse_slug(slug) == slug


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "Acme",
        "acme_x",
        "acme--x",
        "-acme",
        "acme-",
        "1acme",
        "a" * 41,
        "acmé",
        "acme\n",
        'acme"; DROP SCHEMA catalog',
        "public",
        "pg-catalog",
    ],
)
def test_what_is_not_a_slug_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(InvalidName, match="2-40 characters"):
        parse_slug(text)


@given(SLUGS, st.uuids())
def test_a_schema_name_fits_into_63_bytes_and_needs_no_quotes(slug: str, tenant_id: UUID) -> None:
    name = schema_name(slug, tenant_id)
    assert len(name.encode()) <= 51
    assert name.replace("_", "").isalnum()
    assert name == name.lower()


@given(SLUGS, SLUGS)
def test_two_slugs_of_one_id_have_two_schemas(first: str, second: str) -> None:
    tenant_id = UUID(int=1)
    assert (first == second) == (schema_name(first, tenant_id) == schema_name(second, tenant_id))


def test_a_slug_that_is_given_again_has_another_schema() -> None:
    assert schema_name("acme", uuid4()) != schema_name("acme", uuid4())


def test_an_email_address_is_kept_in_lower_case() -> None:
    assert parse_email("Ada.Lovelace@Example.ORG") == "ada.lovelace@example.org"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "a b@example.org",
        "a@b@c",
        "a@b\nBcc: x",
        "a" * 251 + "@b.c",
    ],
)
def test_what_is_not_an_email_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidName, match="name@domain"):
        parse_email(text)
