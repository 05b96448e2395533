"""No secret is written into a manifest."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from deploy.checks.findings import Finding
from deploy.checks.manifests import Document, Rendering, containers, selects

_SECRET_NAME: Final = re.compile(r"PASSWORD|PASSWD|TOKEN$|SECRET|API_KEY|PRIVATE_KEY")
_PEM: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")


def check(rendering: Rendering) -> Iterator[Finding]:
    for secret in rendering.of_kind("Secret"):
        yield rendering.finding(
            secret, "a Secret in the repository is none", "make it in the cluster (docs/deploy.md)"
        )
    for settings in rendering.of_kind("ConfigMap"):
        yield from _values(rendering, settings, settings.get("data", {}))
    for document, spec in rendering.pods():
        for container in containers(spec):
            literals = {e["name"]: e["value"] for e in container.get("env") or [] if "value" in e}
            yield from _values(rendering, document, literals)
            if literals.get("POSTGRES_HOST_AUTH_METHOD") == "trust":
                yield from _trusted(rendering, document)


def _values(rendering: Rendering, document: Document, values: dict[str, str]) -> Iterator[Finding]:
    for name, value in values.items():
        if value and (_SECRET_NAME.search(name) or _PEM.search(value) or _password_in_url(value)):
            yield rendering.finding(
                document,
                f"{name} holds a secret as a literal value",
                "read it from a secret, best as a file",
            )


def _password_in_url(value: str) -> bool:
    if "://" not in value:
        return False
    try:
        return bool(urlsplit(value).password) or "password=" in urlsplit(value).query
    except ValueError:
        return False


def _trusted(rendering: Rendering, document: Document) -> Iterator[Finding]:
    """Postgres without a password, which only the dev overlay may have, behind a policy."""
    labels = document["spec"]["template"]["metadata"]["labels"]
    guarded = any(
        selects(policy["spec"]["podSelector"], labels)
        and "Ingress" in policy["spec"]["policyTypes"]
        for policy in rendering.of_kind("NetworkPolicy")
    )
    if rendering.name != "overlays/dev" or not guarded:
        yield rendering.finding(
            document,
            "Postgres lets everyone in without a password",
            "set one from a secret; only overlays/dev does without, behind a NetworkPolicy",
        )
