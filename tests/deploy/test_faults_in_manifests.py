"""Faults planted into the manifests that show in the manifests alone."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

from deploy.checks import availability, custom_kinds, images, pod_security, references, secrets
from deploy.checks.images import BuiltImage, built_images
from deploy.checks.manifests import Rendering
from deploy.checks.tools import distinct
from tests.support.planting import only, settings_of, the, worker

Overlay = Callable[[str], Rendering]
Combine = Callable[..., Rendering]

BUILT = {name: BuiltImage(name, ("dev",)) for name in ("worker-tenant", "worker-jobs")}


def test_a_privileged_container(overlay: Overlay) -> None:
    rendering = overlay("production")
    worker(rendering).container["securityContext"]["privileged"] = True
    assert "worker: privileged" in only(pod_security.check(rendering))


def test_a_container_that_may_be_root(overlay: Overlay) -> None:
    rendering = overlay("dev")
    pods = {document["metadata"]["name"]: pod for document, pod in rendering.pods()}
    del pods["mailpit"]["securityContext"]["runAsNonRoot"]
    assert "mailpit: runAsNonRoot is not true" in only(pod_security.check(rendering))


def test_a_pod_template_of_a_custom_kind_is_held_to_the_standard(combination: Combine) -> None:
    rendering = combination("versioned")
    worker(rendering).spec["volumes"].append({"name": "host", "hostPath": {"path": "/"}})
    assert "volume host is a hostPath" in only(pod_security.check(rendering))


def test_a_root_file_system_that_can_be_written_to(overlay: Overlay) -> None:
    rendering = overlay("production")
    worker(rendering).container["securityContext"]["readOnlyRootFilesystem"] = False
    assert "the root file system can be written to" in only(pod_security.check(rendering))


def test_a_namespace_that_does_not_enforce_the_standard(overlay: Overlay) -> None:
    rendering = overlay("production")
    the(rendering, "Namespace", "fleet-production")["metadata"]["labels"] = {}
    assert "does not enforce the standard" in only(pod_security.check(rendering))


def test_a_password_in_a_database_url(overlay: Overlay) -> None:
    rendering = overlay("production")
    settings_of(rendering)["DATABASE_URL"] = "postgresql://fleet:hunter2@postgres:5432/fleet"
    line = only(secrets.check(rendering))
    assert "DATABASE_URL holds a secret" in line
    assert "hunter2" not in line


def test_an_api_key_as_a_literal_value(overlay: Overlay) -> None:
    rendering = overlay("production")
    worker(rendering).container["env"].append({"name": "TEMPORAL_API_KEY", "value": "abc"})
    assert "TEMPORAL_API_KEY holds a secret" in only(secrets.check(rendering))


def test_a_secret_in_the_repository(overlay: Overlay) -> None:
    rendering = overlay("production")
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "temporal-cloud"}}
    planted = Rendering("planted", (*rendering.documents, secret))
    assert "Secret/temporal-cloud" in only(secrets.check(planted))


def test_a_postgres_without_password_that_no_policy_guards(overlay: Overlay) -> None:
    rendering = overlay("dev")
    open_to_all = tuple(d for d in rendering.documents if d["kind"] != "NetworkPolicy")
    planted = Rendering(rendering.name, open_to_all)
    assert "without a password" in only(secrets.check(planted))


def test_settings_whose_name_kustomize_did_not_follow(combination: Combine) -> None:
    rendering = combination("versioned")
    worker(rendering).container["envFrom"][0]["configMapRef"]["name"] = "worker-tenant-settings"
    assert "there is no ConfigMap/worker-tenant-settings" in only(references.check(rendering))


def test_an_autoscaler_of_a_worker_that_is_not_there(overlay: Overlay) -> None:
    rendering = overlay("staging")
    the(rendering, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"] = "worker-tenat"
    assert "there is no Deployment/worker-tenat" in only(references.check(rendering))


def test_a_rollout_that_stops_a_worker_first(overlay: Overlay) -> None:
    rendering = overlay("production")
    worker(rendering).document["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] = 1
    assert "stops a worker before its successor polls" in only(availability.check(rendering))


def test_a_disruption_budget_that_blocks_nodes_in_an_outage(overlay: Overlay) -> None:
    rendering = overlay("production")
    del the(rendering, "PodDisruptionBudget")["spec"]["unhealthyPodEvictionPolicy"]
    assert "block the drain of their node" in only(availability.check(rendering))


def test_a_worker_without_a_memory_limit(overlay: Overlay) -> None:
    rendering = overlay("production")
    del worker(rendering).container["resources"]["limits"]["memory"]
    assert "no limits of memory" in only(availability.check(rendering))


def test_an_image_without_a_version(overlay: Overlay) -> None:
    rendering = overlay("production")
    worker(rendering).container["image"] = "registry.example.com:5000/fleet/worker-tenant"
    assert "is another one tomorrow" in only(images.check(rendering, BUILT))


def test_an_image_that_is_another_services(overlay: Overlay) -> None:
    rendering = overlay("production")
    worker(rendering).container["image"] = "registry.example.com/fleet/worker-jobs:0.1.0"
    assert "is not built here as worker-tenant" in only(images.check(rendering, BUILT))


def test_a_tag_that_pants_does_not_make(overlay: Overlay) -> None:
    rendering = overlay("dev")
    worker(rendering).container["image"] = "worker-tenant:devel"
    assert "./pants package makes no worker-tenant:devel" in only(images.check(rendering, BUILT))


def test_an_image_by_digest_is_fine(overlay: Overlay) -> None:
    rendering = overlay("production")
    worker(rendering).container["image"] = f"r.example.com/worker-tenant@sha256:{'0' * 64}"
    assert list(images.check(rendering, BUILT)) == []


def test_images_are_read_from_the_build_files(tmp_path: Path) -> None:
    folder = tmp_path / "services" / "worker-tenant"
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("ARG IMAGE_TAG=dev\nFROM scratch\n")
    (folder / "BUILD").write_text(
        'docker_image(name="image", repository="worker-tenant",'
        ' image_tags=["{build_args.IMAGE_TAG}", "{pants.hash}"])'
    )
    assert built_images(tmp_path) == {"worker-tenant": BuiltImage("worker-tenant", ("dev",))}


def _with_crd(folder: Path) -> Path:
    (folder / "crd.yaml").write_text(
        dedent(
            """
            kind: CustomResourceDefinition
            spec:
              group: keda.sh
              names: {kind: TriggerAuthentication}
              versions:
                - name: v1alpha1
                  schema:
                    openAPIV3Schema:
                      type: object
                      properties:
                        apiVersion: {type: string}
                        kind: {type: string}
                        metadata: {type: object}
                        spec:
                          type: object
                          properties:
                            secretTargetRef: {type: array}
            """
        )
    )
    return folder


def test_a_misspelt_field_of_a_custom_kind(combination: Combine, tmp_path: Path) -> None:
    rendering = combination("keda")
    authentication = the(rendering, "TriggerAuthentication", "temporal")
    authentication["spec"] = {"secretTargetReff": []}
    outcome = custom_kinds.check([(rendering, authentication)], _with_crd(tmp_path))
    assert "secretTargetReff" in only(outcome.findings)


def test_a_custom_kind_without_a_schema(combination: Combine, tmp_path: Path) -> None:
    rendering = combination("keda")
    scaled = the(rendering, "ScaledObject")
    outcome = custom_kinds.check([(rendering, scaled)], _with_crd(tmp_path))
    assert "no CRD here has ScaledObject" in only(outcome.findings)


def test_where_no_crds_are_the_check_says_so(combination: Combine, tmp_path: Path) -> None:
    outcome = custom_kinds.check(distinct([combination("keda")]), tmp_path / "crds")
    assert outcome.findings == []
    assert "no CRD in" in outcome.not_checked
    assert "--crds or FLEET_CRDS" in outcome.not_checked
