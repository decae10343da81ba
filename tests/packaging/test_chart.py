"""The chart: what it renders fits the worker, what does not go together is refused, deploy/manifests come from it."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.checks import chart
from deploy.checks.running import CheckFailed
from worker.settings import Settings, load
from worker.settings_sources import is_secret

ROOT = Path(__file__).parents[2]
SNAPSHOT_SECONDS = 30.0


def manifests(kind: str) -> list[dict[str, Any]]:
    """The plain manifests of one kind."""
    documents = (each for file in sorted(chart.MANIFESTS.glob("*.yaml")) for each in chart.documents(file.read_text()))
    return [each for each in documents if each["kind"] == kind]


def the_only(kind: str) -> dict[str, Any]:
    (manifest,) = manifests(kind)
    return manifest


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """What a worker makes of the ConfigMap."""
    file = tmp_path / "millrace.toml"
    file.write_text(the_only("ConfigMap")["data"]["millrace.toml"])
    return load(file, environment={})


# -- what needs no helm -------------------------------------------------------------------------------------------


def pods() -> Iterator[dict[str, Any]]:
    for kind in ("StatefulSet", "Job", "CronJob"):
        for manifest in manifests(kind):
            spec = manifest["spec"]
            yield spec.get("jobTemplate", {"spec": spec})["spec"]["template"]["spec"]


def test_a_worker_takes_the_settings_of_the_config_map(settings: Settings) -> None:
    assert settings.kafka.bootstrap_servers
    assert settings.health.host == "0.0.0.0"
    assert settings.log.format == "json"


def test_probes_and_metrics_are_at_the_port_that_the_worker_opens(settings: Settings) -> None:
    (container,) = the_only("StatefulSet")["spec"]["template"]["spec"]["containers"]
    (port,) = container["ports"]
    assert port["containerPort"] == settings.health.port
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startup": "/livez",
        "liveness": "/livez",
        "readiness": "/readyz",
    }
    assert {probe["port"] for probe in probes.values()} == {port["name"]}


def test_a_pod_has_longer_to_end_than_a_worker_takes(settings: Settings) -> None:
    pod = the_only("StatefulSet")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] >= settings.run.drain_seconds + SNAPSHOT_SECONDS


def test_a_pod_is_named_as_a_member_of_the_group() -> None:
    (container,) = the_only("StatefulSet")["spec"]["template"]["spec"]["containers"]
    named = [each for each in container["env"] if each["name"] == "MILLRACE_KAFKA__INSTANCE_ID"]
    assert named[0]["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"


def test_secrets_come_as_files_by_reference_only() -> None:
    assert manifests("Secret") == []
    for pod in pods():
        (container,) = pod["containers"]
        files = {each["value"] for each in container["env"] if each["name"].endswith("_FILE")}
        (volume,) = (each["secret"] for each in pod["volumes"] if "secret" in each)
        assert {f"/run/secrets/millrace/{item['path']}" for item in volume["items"]} == files


def test_every_container_is_without_rights_and_its_root_read_only() -> None:
    for pod in pods():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}


def test_the_schema_knows_every_secret_setting_and_lets_none_into_the_config() -> None:
    schema = json.loads((chart.CHART / "values.schema.json").read_text())["properties"]
    sections = {name: field.annotation for name, field in Settings.model_fields.items()}
    secret = {
        f"{section}.{setting}"
        for section, kind in sections.items()
        for setting, field in getattr(kind, "model_fields", {}).items()
        if is_secret(field)
    }
    of_the_api = {name for name in secret if name.startswith("api.")}
    assert of_the_api
    assert set(schema["secretSettings"]["propertyNames"]["enum"]) == secret - of_the_api
    assert set(schema["api"]["properties"]["secretSettings"]["propertyNames"]["enum"]) == secret
    config = schema["config"]["properties"]
    assert sections.keys() == config.keys()
    barred = {f"{section}.{name}" for section in config for name, rule in config[section].get("properties", {}).items()
              if rule is False}  # fmt: skip
    assert barred == secret | {"kafka.instance_id", "snapshots.directory", "api.host", "api.port", "api.health_port"}


def test_the_chart_has_the_version_of_the_package() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    described = yaml.safe_load((chart.CHART / "Chart.yaml").read_text())
    assert described["appVersion"] == version
    assert f"ARG VERSION={version}\n" in (ROOT / "deploy" / "Dockerfile").read_text()
    assert f"image: &image millrace:{version}\n" in (ROOT / "deploy" / "compose.yaml").read_text()


# -- what helm says -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("helm")
def test_the_plain_manifests_are_as_the_chart_renders_them() -> None:
    chart.compare_plain_manifests()


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ("terminationGracePeriodSeconds=49", "would cut the last snapshot off; .* may take 50 s"),
        ("config.run.drain_seconds=31", "would cut the last snapshot off; .* may take 61 s"),
        ("keda.enabled=true,keda.maxReplicas=9", "9 workers cannot share 8 partitions"),
        ("persistence.enabled=false", "name an object store"),
        ("config.snapshots.url=s3://bucket/prefix", "snapshots lie in one place"),
        ("persistence.accessModes={ReadWriteOnce}", "several workers need a volume that is ReadWriteMany"),
        ("train.enabled=true", "name the volume claim"),
        ("existingSecret=", "/existingSecret"),
        ("config.redis.url=redis://:hunter2@redis", "/config/redis/url"),
        ("config.kafka.instance_id=one", "/config/kafka/instance_id"),
        ("config.health.port=1", "'port' not allowed"),
        ("config.nonsense.a=1", "'nonsense' not allowed"),
        ("replicas=3", "'replicas' not allowed"),
        ("image.digest=latest", "/image/digest"),
        ("prometheusRule.runbookUrl=", "/prometheusRule/runbookUrl"),
        ("prometheusRule.runbookUrl=https://handbook#page", "/prometheusRule/runbookUrl"),
        ("prometheusRule.selector=plain", "/prometheusRule/selector"),
        ('prometheusRule.selector=job="plain"\\,', "/prometheusRule/selector"),
    ],
)
def test_values_that_do_not_fit_are_refused_with_their_reason(values: str, cause: str) -> None:
    with pytest.raises(CheckFailed) as refused:
        chart.rendered("--set", values)
    assert re.search(cause, str(refused.value)), refused.value


@pytest.mark.usefixtures("helm")
def test_a_scaler_may_start_no_more_workers_than_there_are_partitions_and_has_the_replicas_to_itself() -> None:
    options = ("--set", "keda.enabled=true,config.kafka.partitions=24")
    rendering = {each["kind"]: each for each in chart.documents(chart.rendered(*options))}
    assert rendering["ScaledObject"]["spec"]["maxReplicaCount"] == 24
    assert "replicas" not in rendering["StatefulSet"]["spec"]


def release_rules(*options: str) -> list[dict[str, Any]]:
    """The rules of a PrometheusRule."""
    rendering = chart.documents(chart.rendered("--set", "prometheusRule.enabled=true", *options))
    (spec,) = (each["spec"] for each in rendering if each["kind"] == "PrometheusRule")
    return [rule for group in spec["groups"] for rule in group["rules"]]


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize(
    ("options", "selector"),
    [
        ([], 'namespace="millrace", job="millrace/millrace"'),
        (["--namespace", "shop", "--set", "fullnameOverride=recs"], 'namespace="shop", job="shop/recs"'),
        (["--set-literal", 'prometheusRule.selector=job="plain"'], 'job="plain"'),
    ],
)
def test_rules_of_a_release_ask_for_its_own_series_alone(options: list[str], selector: str) -> None:
    of_workers = selectors(*options, of_api=False)
    assert len(of_workers) > 50
    assert [each for each in of_workers if f"{{{selector}" not in each] == []


@pytest.mark.usefixtures("helm")
def test_rules_about_the_api_ask_for_its_own_series_alone() -> None:
    of_api = selectors(of_api=True)
    assert len(of_api) >= 5
    assert [each for each in of_api if '{namespace="millrace", job="millrace/millrace-api"' not in each] == []


def selectors(*options: str, of_api: bool) -> list[str]:
    """All series that a release's rules ask for, of those about the API or of the others."""
    return [
        found
        for rule in release_rules(*options)
        if rule.get("alert", "").startswith("MillraceApi") == of_api
        for found in re.findall(r"\b(?:up|millrace[_:][\w:]+)\b(?:\{[^}]*\})?", rule["expr"])
    ]


@pytest.mark.usefixtures("helm")
def test_the_job_that_rules_ask_for_is_the_one_that_the_pod_monitor_gives() -> None:
    options = ("--set", "podMonitor.enabled=true,prometheusRule.enabled=true,nameOverride=recs")
    rendering = {each["kind"]: each for each in chart.documents(chart.rendered(*options))}
    place = rendering["PodMonitor"]["metadata"]
    rule = rendering["PrometheusRule"]["spec"]["groups"][0]["rules"][0]
    assert f'namespace="{place["namespace"]}", job="{place["namespace"]}/{place["name"]}"' in rule["expr"]


@pytest.mark.usefixtures("helm")
def test_alerts_link_to_where_the_runbook_can_be_opened() -> None:
    place = "https://handbook.example/millrace"
    alerts = [rule for rule in release_rules("--set", f"prometheusRule.runbookUrl={place}") if "alert" in rule]
    assert [alert["annotations"]["runbook_url"] for alert in alerts] == [
        f"{place}#{alert['alert'].lower()}" for alert in alerts
    ]
    for alert in (rule for rule in release_rules() if "alert" in rule):
        assert alert["annotations"]["runbook_url"] == f"docs/operations.md#{alert['alert'].lower()}"


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize("values", chart.VALUES, ids=lambda file: str(file.stem))
def test_a_worker_takes_the_settings_of_every_set_of_values(values: Path, tmp_path: Path) -> None:
    rendering = chart.documents(chart.rendered("--values", values))
    (config,) = (each for each in rendering if each["kind"] == "ConfigMap" and each["metadata"]["name"] == "millrace")
    file = tmp_path / "millrace.toml"
    file.write_text(config["data"]["millrace.toml"])
    given = yaml.safe_load(values.read_text())
    names = (name.upper().replace(".", "__") for name in given.get("secretSettings", {}))
    secrets = {f"MILLRACE_{name}": "redis://redis" for name in names}
    settings = load(file, environment=secrets).model_dump(mode="json")
    ours = {section: expected for section, expected in given.get("config", {}).items() if section != "api"}
    for section, expected in ours.items():
        shown = {name: settings[section][name] for name in expected}
        if "kinds" in expected:
            shown["kinds"] = {kind: shown["kinds"][kind] for kind in expected["kinds"]}
        assert shown == expected
