"""Faults planted into the manifests that only the code can tell."""

from collections.abc import Callable

import pytest

from deploy.checks import (
    connections,
    grace,
    probes,
    queues,
    reachability,
    scaling,
    settings,
    tuning,
)
from deploy.checks.manifests import Rendering
from deploy.checks.triggers import triggers
from deploy.checks.workloads import SPECS
from temporal_common.queues import QueueLayout
from tests.support.planting import only, settings_of, the, worker

Overlay = Callable[[str], Rendering]
Combine = Callable[..., Rendering]


def test_a_probe_of_a_path_that_nobody_serves(overlay: Overlay) -> None:
    rendering = overlay("production")
    worker(rendering).container["livenessProbe"]["httpGet"]["path"] = "/healthz"
    assert "livenessProbe asks /healthz, which answers 404" in only(probes.check(rendering))


def test_a_readiness_probe_that_is_true_before_the_service_is_ready(overlay: Overlay) -> None:
    rendering = overlay("production")
    worker(rendering).container["readinessProbe"]["httpGet"]["path"] = "/livez"
    assert "answers 200 in place of 503" in only(probes.check(rendering))


def test_a_liveness_probe_that_would_restart_a_service_which_waits(overlay: Overlay) -> None:
    rendering = overlay("production")
    worker(rendering).container["livenessProbe"]["httpGet"]["path"] = "/readyz"
    assert "answers 503 in place of 200" in only(probes.check(rendering))


def test_a_missing_startup_probe(overlay: Overlay) -> None:
    rendering = overlay("production")
    del worker(rendering).container["startupProbe"]
    assert "startupProbe is missing" in only(probes.check(rendering))


def test_a_health_port_that_the_probes_do_not_ask(overlay: Overlay) -> None:
    rendering = overlay("production")
    settings_of(rendering)["HEALTH_PORT"] = "8081"
    findings = [str(finding) for finding in probes.check(rendering)]
    assert len(findings) == 4, "three probes and the scrape"
    assert all("the health server listens on 8081" in finding for finding in findings)


def test_a_scrape_of_a_path_that_nobody_serves(overlay: Overlay) -> None:
    rendering = overlay("production")
    the(rendering, "PodMonitor")["spec"]["podMetricsEndpoints"][0]["path"] = "/stats"
    assert "serves no /stats" in only(probes.check(rendering))


def test_a_setting_that_the_code_does_not_know(overlay: Overlay) -> None:
    rendering = overlay("production")
    settings_of(rendering)["TEMPORAL_QUEUE_SHARD"] = "4"
    assert "TEMPORAL_QUEUE_SHARD is no setting of worker-tenant" in only(settings.check(rendering))


def test_another_services_setting(overlay: Overlay) -> None:
    rendering = overlay("production")
    settings_of(rendering, "worker-jobs")["SMTP_HOST"] = "smtp.mail"
    assert "SMTP_HOST is no setting of worker-jobs" in only(settings.check(rendering))


@pytest.mark.parametrize(
    "name",
    ["TEMPORAL_ADDRESS", "DATABASE_URL", "SMTP_HOST", "WORKER_ACTIVITY_POLLERS", "WORKER_SHARDS"],
)
def test_a_setting_that_is_not_given(name: str, overlay: Overlay) -> None:
    rendering = overlay("production")
    del settings_of(rendering)[name]
    assert f"{name} is not given" in only(settings.check(rendering))


def test_a_value_that_the_service_refuses(overlay: Overlay) -> None:
    rendering = overlay("production")
    settings_of(rendering)["LOG_LEVEL"] = "loud"
    assert "the service refuses to start: LOG_LEVEL='loud'" in only(settings.check(rendering))


@pytest.mark.parametrize("shards", [1, 7, 100])
def test_generated_triggers_fit_for_any_number_of_shards(shards: int, combination: Combine) -> None:
    rendering = combination("keda")
    for name, spec in SPECS.items():
        settings_of(rendering, name)["TEMPORAL_QUEUE_SHARDS"] = str(shards)
        wanted = queues.wanted(spec, QueueLayout(shards=shards))
        the(rendering, "ScaledObject", name)["spec"]["triggers"] = triggers(wanted)
    assert list(queues.check(rendering)) == []


def test_a_shard_without_triggers(overlay: Overlay) -> None:
    rendering = overlay("production")
    for name in SPECS:
        settings_of(rendering, name)["TEMPORAL_QUEUE_SHARDS"] = "5"
    findings = [str(finding) for finding in queues.check(rendering)]
    assert len(findings) == 2
    assert all("0 triggers for the" in finding for finding in findings)
    assert all("of fleet.tenant.04" in finding for finding in findings)


def test_a_trigger_for_a_queue_that_nobody_serves(overlay: Overlay) -> None:
    rendering = overlay("production")
    scaled = the(rendering, "ScaledObject")["spec"]
    scaled["triggers"].append(
        {"type": "temporal", "metadata": {"taskQueue": "fleet.tenat.00", "queueTypes": "workflow"}}
    )
    assert "fleet.tenat.00, which this worker does not serve" in only(queues.check(rendering))


def test_a_scaler_that_goes_to_zero(overlay: Overlay) -> None:
    rendering = overlay("production")
    the(rendering, "ScaledObject")["spec"]["minReplicaCount"] = 0
    assert "may scale to zero" in only(queues.check(rendering))


def test_workers_that_disagree_about_the_shards(overlay: Overlay) -> None:
    rendering = overlay("staging")
    settings_of(rendering, "worker-jobs")["TEMPORAL_QUEUE_SHARDS"] = "2"
    assert "TEMPORAL_QUEUE_SHARDS differs" in only(queues.check(rendering))


def test_more_shards_than_a_version_may_have(combination: Combine) -> None:
    rendering = combination("versioned")
    for name in SPECS:
        settings_of(rendering, name)["TEMPORAL_QUEUE_SHARDS"] = "101"
    assert "TEMPORAL_QUEUE_SHARDS=101 with Worker Versioning" in only(tuning.check(rendering))


def test_a_grace_period_below_the_drain_limit(overlay: Overlay) -> None:
    rendering = overlay("production")
    worker(rendering).spec["terminationGracePeriodSeconds"] = 50
    assert "terminationGracePeriodSeconds is 50, stopping may take 60 s" in only(
        grace.check(rendering)
    )


def test_a_drain_limit_that_is_raised_without_the_grace_period(overlay: Overlay) -> None:
    rendering = overlay("production")
    settings_of(rendering, "worker-jobs")["WORKER_GRACEFUL_SHUTDOWN_TIMEOUT"] = "90"
    assert "Deployment/worker-jobs" in only(grace.check(rendering))


def test_a_grace_period_that_the_process_does_not_know(overlay: Overlay) -> None:
    rendering = overlay("production")
    worker(rendering).spec["terminationGracePeriodSeconds"] = 90
    assert "is 90, and the process believes 60" in only(grace.check(rendering))


def test_a_pool_that_is_smaller_than_the_slots(overlay: Overlay) -> None:
    rendering = overlay("production")
    settings_of(rendering)["DATABASE_POOL_SIZE"] = "5"
    assert "refuses to start: DATABASE_POOL_SIZE=5 is below" in only(tuning.check(rendering))


def test_as_many_polls_as_slots(overlay: Overlay) -> None:
    rendering = overlay("production")
    settings_of(rendering)["WORKER_ACTIVITY_POLLERS"] = "20"
    assert "WORKER_ACTIVITY_POLLERS=20 is not below" in only(tuning.check(rendering))


def test_shards_that_nobody_serves(overlay: Overlay) -> None:
    rendering = overlay("production")
    settings_of(rendering)["WORKER_SHARDS"] = "0-1"
    assert "WORKER_SHARDS=0-1 leaves 2 of 4 shards to nobody" in only(tuning.check(rendering))


def test_two_autoscalers_of_one_worker(combination: Combine) -> None:
    rendering = combination("hpa")
    keda = combination("keda")
    both = Rendering("both", (*rendering.documents, the(keda, "ScaledObject")))
    assert "2 autoscalers would write its replicas" in only(scaling.check(both))


def test_replicas_beside_an_autoscaler(overlay: Overlay) -> None:
    rendering = overlay("staging")
    worker(rendering).document["spec"]["replicas"] = 2
    assert "would undo what the autoscaler did" in only(scaling.check(rendering))


def test_a_scaling_target_that_the_slots_cannot_reach(overlay: Overlay) -> None:
    rendering = overlay("staging")
    settings_of(rendering)["WORKER_MAX_CONCURRENT_ACTIVITIES"] = "10"
    assert "above 15 used slots, and a pod has 10" in only(scaling.check(rendering))


def test_a_scaling_metric_that_nobody_records(overlay: Overlay) -> None:
    rendering = overlay("staging")
    rules = the(rendering, "PrometheusRule", "fleet-activity-slots")
    rules["spec"]["groups"][0]["rules"][0]["record"] = "slots"
    findings = [str(finding) for finding in scaling.check(rendering)]
    assert len(findings) == 2, "one for each worker"
    assert "no PrometheusRule records fleet_activity_slots_used" in findings[0]


def test_a_server_behind_a_port_that_the_network_policy_closes(overlay: Overlay) -> None:
    rendering = overlay("production")
    settings_of(rendering)["SMTP_PORT"] = "465"
    assert "SMTP_PORT leads to port 465" in only(reachability.check(rendering))


def test_metrics_that_prometheus_cannot_reach(overlay: Overlay) -> None:
    rendering = overlay("production")
    del the(rendering, "NetworkPolicy", "workers")["spec"]["ingress"]
    findings = [str(finding) for finding in reachability.check(rendering)]
    assert len(findings) == 2, "one for each worker"
    assert "Prometheus cannot scrape port 8080" in findings[0]


def test_a_controller_that_would_send_the_workers_elsewhere(combination: Combine) -> None:
    rendering = combination("versioned")
    settings_of(rendering)["TEMPORAL_NAMESPACE"] = "production"
    assert "TEMPORAL_NAMESPACE is production, the controller would make it default" in only(
        connections.check(rendering)
    )


def test_a_controller_that_does_not_sign_in(combination: Combine) -> None:
    rendering = combination("versioned", "cloud/mtls")
    del the(rendering, "Connection", "temporal")["spec"]["mutualTLSSecretRef"]
    findings = [str(finding) for finding in connections.check(rendering)]
    assert len(findings) == 2, "one for each worker"
    assert "only one of worker and controller signs in" in findings[0]
