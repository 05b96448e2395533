import subprocess
import sys

from tenant_catalog.contracts.tenants import deletion_id, provisioning_id
from tenant_catalog.contracts.users import VerifyEmail, onboarding_id, token_digest


def test_contracts_and_names_load_no_database_driver() -> None:
    modules = (
        "names transitions contracts.cleanup contracts.steps contracts.tenants contracts.users"
    )
    imports = "; ".join(f"import tenant_catalog.{module}" for module in modules.split())
    check = f"{imports}; import sys; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_the_migrations_can_be_listed_without_a_database_driver() -> None:
    check = (
        "from tenant_catalog.migrations.files import tenant_migrations as m; m();"
        " import sys; sys.exit('psycopg' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_a_workflow_id_names_the_slug() -> None:
    assert provisioning_id("acme") == "tenant-provisioning/acme"
    assert deletion_id("acme") == "tenant-deletion/acme"


def test_an_onboarding_id_hides_the_address_and_ignores_its_case() -> None:
    workflow_id = onboarding_id("acme", "Ada@Example.org")
    assert "ada" not in workflow_id.lower()
    assert workflow_id == onboarding_id("acme", "ada@example.org")
    assert workflow_id != onboarding_id("acme", "eve@example.org")


def test_a_token_digest_is_the_sha256_of_the_proof_which_is_the_sha256_of_the_token() -> None:
    proof = VerifyEmail.with_token("abc").proof
    assert proof == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (
        token_digest("abc")
        == VerifyEmail(proof).token_digest
        == "dfe7a23fefeea519e9bbfdd1a6be94c4b2e4529dd6b7cbea83f9959c2621b13c"
    )
