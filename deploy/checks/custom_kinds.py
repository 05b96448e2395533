"""Custom resources against the schemas in their CRDs: a field that none names is wrong."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import jsonschema
import yaml

from deploy.checks.builtin_kinds import is_built_in
from deploy.checks.findings import Outcome
from deploy.checks.manifests import Document, Rendering

CUSTOM_GROUPS: Final = ("keda.sh", "temporal.io", "monitoring.coreos.com")
_Schemas = dict[tuple[str, str], dict[str, Any]]


def schemas_in(folder: Path) -> _Schemas:
    """The schema of each version of each kind, by apiVersion and kind."""
    found: _Schemas = {}
    for path in sorted(folder.glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            if not document or document.get("kind") != "CustomResourceDefinition":
                continue
            kind = document["spec"]["names"]["kind"]
            for version in document["spec"]["versions"]:
                schema = strict(version["schema"]["openAPIV3Schema"])
                schema["properties"]["metadata"] = {"type": "object"}
                found[f"{document['spec']['group']}/{version['name']}", kind] = schema
    return found


def strict(schema: Any) -> Any:
    """A structural schema of OpenAPI as JSON Schema that refuses every field it does not name.

    As the server's strict field validation:
    https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
    """
    if not isinstance(schema, dict):
        return schema
    schema = dict(schema)
    if schema.pop("x-kubernetes-int-or-string", False):
        schema.pop("type", None)
        schema["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    unknown_fields = schema.pop("x-kubernetes-preserve-unknown-fields", False)
    embedded = schema.pop("x-kubernetes-embedded-resource", False)
    if schema.pop("nullable", False) and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    if "properties" in schema:
        schema["properties"] = {name: strict(part) for name, part in schema["properties"].items()}
        closed = schema.get("type") == "object" and not (unknown_fields or embedded)
        if closed and "additionalProperties" not in schema:
            schema["additionalProperties"] = False
    for key in ("items", "additionalProperties", "not"):
        if isinstance(schema.get(key), dict):
            schema[key] = strict(schema[key])
    return schema


def check(objects: Iterable[tuple[Rendering, Document]], folder: Path | None) -> Outcome:
    outcome = Outcome("custom kinds: schemas of their CRDs")
    schemas = schemas_in(folder) if folder and folder.is_dir() else {}
    if not schemas:
        outcome.not_checked = (
            f"no CRD in {folder}; --crds or FLEET_CRDS names a folder with those of KEDA, the "
            "Prometheus operator and the Temporal worker controller"
        )
        return outcome
    validators = {key: jsonschema.Draft202012Validator(schema) for key, schema in schemas.items()}
    for rendering, document in objects:
        if is_built_in(document):
            continue
        outcome.looked_at += 1
        validator = validators.get((document.get("apiVersion", ""), document.get("kind", "")))
        if validator is None:
            outcome.findings.append(
                rendering.finding(
                    document,
                    f"no CRD here has {document.get('kind')} in {document.get('apiVersion')}",
                    "correct apiVersion and kind, or add its CRD to the folder",
                )
            )
            continue
        for error in validator.iter_errors(document):
            path = "/".join(map(str, error.path)) or "the object"
            outcome.findings.append(
                rendering.finding(document, f"{path}: {error.message[:200]}", "correct the field")
            )
    return outcome
