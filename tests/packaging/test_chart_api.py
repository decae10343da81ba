"""The API in the chart: it fits `millrace serve`, has what it needs and no more, and wrong values are refused."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.checks import chart
from deploy.checks.running import CheckFailed
from worker.settings import Settings, load

ROOT = Path(__file__).parents[2]
KEYS = "api.enabled=true,api.secretSettings.api\\.read_keys=api-read-keys"
SETS_WITH_API = [file for file in chart.VALUES if "\napi:\n" in file.read_text()]
PROBED = {"startup": "/livez", "liveness": "/livez", "readiness": "/readyz"}

Document = dict[str, Any]


def plain(kind: str) -> Document:
    """The one of this kind in deploy/manifests/api."""
    documents = [
        each for file in (chart.MANIFESTS / "api").glob("*.yaml") for each in chart.documents(file.read_text())
    ]
    (manifest,) = (each for each in documents if each["kind"] == kind)
    return manifest


def rendered(*options: str | Path) -> list[Document]:
    return chart.documents(chart.rendered(*options))


def of(component: str, kind: str, documents: list[Document]) -> list[Document]:
    return [
        each
        for each in documents
        if each["kind"] == kind and each["metadata"]["labels"]["app.kubernetes.io/component"] == component
    ]


@pytest.fixture
def pod() -> Document:
    spec: Document = plain("Deployment")["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def container(pod: Document) -> Document:
    (only,) = pod["containers"]
    return dict(only)


def settings_of(config: Document, folder: Path, **environment: str) -> Settings:
    file = folder / "millrace.toml"
    file.write_text(config["data"]["millrace.toml"])
    return load(file, environment=environment)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(plain("ConfigMap"), tmp_path)


# -- what needs no helm -------------------------------------------------------------------------------------------


def test_its_ports_are_those_that_it_opens_and_it_is_probed_at_the_health_port(
    container: Document, settings: Settings
) -> None:
    ports = {each["name"]: each["containerPort"] for each in container["ports"]}
    assert ports == {"http": settings.api.port, "metrics": settings.api.health_port}
    assert not settings.api.is_local
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in PROBED}
    assert {name: (probe["path"], probe["port"]) for name, probe in probes.items()} == {
        name: (path, "metrics") for name, path in PROBED.items()
    }


def test_requests_find_its_pods() -> None:
    service, deployment = plain("Service"), plain("Deployment")
    assert [(port["port"], port["targetPort"]) for port in service["spec"]["ports"]] == [(80, "http")]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    for selector in (service["spec"]["selector"], deployment["spec"]["selector"]["matchLabels"]):
        assert selector.items() <= labels.items()


def test_no_request_is_cut_off_when_pods_are_replaced(pod: Document, container: Document, settings: Settings) -> None:
    strategy = plain("Deployment")["spec"]["strategy"]["rollingUpdate"]
    assert strategy["maxUnavailable"] == 0
    (code,) = container["lifecycle"]["preStop"]["exec"]["command"][2:]
    (waits,) = re.findall(r"sleep\((\d+)\)", code)
    assert pod["terminationGracePeriodSeconds"] > int(waits) + settings.run.drain_seconds


def test_it_mounts_its_keys_and_the_address_of_redis_and_nothing_that_is_the_workers(
    pod: Document, container: Document
) -> None:
    (secret,) = (each["secret"] for each in pod["volumes"] if "secret" in each)
    assert [item["key"] for item in secret["items"]] == ["api-read-keys", "api-write-keys", "redis-url"]
    files = {each["name"]: each["value"] for each in container["env"] if each["name"].endswith("_FILE")}
    assert files == {
        "MILLRACE_API__READ_KEYS_FILE": "/run/secrets/millrace/api-read-keys",
        "MILLRACE_API__WRITE_KEYS_FILE": "/run/secrets/millrace/api-write-keys",
        "MILLRACE_REDIS__URL_FILE": "/run/secrets/millrace/redis-url",
    }
    assert [each for each in pod["volumes"] if "persistentVolumeClaim" in each] == []


def test_it_is_without_rights_and_limited_in_memory(pod: Document, container: Document) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["serviceAccountName"] == plain("ServiceAccount")["metadata"]["name"] != "millrace"
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]


def test_compose_asks_it_for_a_key_at_a_port_of_this_machine_alone() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    assert services["api"]["command"] == ["serve"]
    assert services["api"]["ports"] == ["127.0.0.1:8080:8080"]
    load(environment=services["api"]["environment"])
    assert "development" in services["api"]["environment"]["MILLRACE_API__ADMIN_KEYS"]
    assert not any(name.startswith("MILLRACE_API__") for name in services["worker"]["environment"])


def test_prometheus_of_compose_keeps_it_apart_from_workers() -> None:
    config = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yaml").read_text())
    jobs = {job["job_name"]: job["dns_sd_configs"][0]["names"] for job in config["scrape_configs"]}
    assert jobs == {"millrace": ["worker"], "millrace-api": ["api"]}


# -- what helm says -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ("api.enabled=true", "no API keys are named, .* Secret millrace, .* api.secretSettings"),
        ("api.enabled=true,api.secretSettings.redis\\.url=reader", "no API keys are named"),
        (f"{KEYS},api.terminationGracePeriodSeconds=29", "29 s would cut requests off; .* may take 30 s"),
        (f"{KEYS},config.run.drain_seconds=31,terminationGracePeriodSeconds=90", "cut requests off; .* may take 41 s"),
        (f"{KEYS},api.preStopSeconds=20", "40 s would cut requests off; .* may take 45 s"),
        (f"{KEYS},api.autoscaling.enabled=true,api.autoscaling.maxReplicas=1", "minReplicas .2. is above maxReplicas"),
        (f"{KEYS},api.autoscaling.enabled=true,api.resources.requests.cpu=null", "api.resources.requests.cpu: name it"),
        (f"{KEYS},api.ingress.enabled=true", "api.ingress.hosts: name the host"),
        (f"{KEYS},api.serviceAccount.create=false", "api.serviceAccount.name: name one"),
        (f"{KEYS},api.replicas=3", "'replicas' not allowed"),
        (f"{KEYS},config.api.port=1", "/config/api/port"),
        (f"{KEYS},config.api.read_keys=0123456789abcdef", "/config/api/read_keys"),
        (r"secretSettings.api\.read_keys=api-read-keys", "must be one of 'redis.url', 'redis.tls"),
    ],
)
def test_values_of_the_api_that_do_not_fit_are_refused_with_their_reason(values: str, cause: str) -> None:
    with pytest.raises(CheckFailed) as refused:
        chart.rendered("--set", values)
    assert re.search(cause, str(refused.value)), refused.value


@pytest.mark.usefixtures("helm")
@pytest.mark.parametrize("values", SETS_WITH_API, ids=lambda file: str(file.stem))
def test_it_takes_the_settings_of_every_set_of_values(values: Path, tmp_path: Path) -> None:
    documents = rendered("--values", values)
    (config,) = of("api", "ConfigMap", documents)
    (deployment,) = of("api", "Deployment", documents)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    secret = {each["name"].removesuffix("_FILE"): "redis://a-secret-of-some-length" for each in container["env"]}
    del secret["MILLRACE_CONFIG"]
    named = {name: value for name, value in secret.items() if name.startswith("MILLRACE_")}
    settings = settings_of(config, tmp_path, **named)
    assert settings.api.has_keys
    expected = yaml.safe_load(values.read_text()).get("config", {}).get("api", {})
    shown = settings.model_dump(mode="json")["api"]
    assert {name: shown[name] for name in expected} == expected


@pytest.mark.usefixtures("helm")
def test_what_only_workers_have_restarts_no_pod_of_the_api_and_the_other_way_round() -> None:
    def sums(*more: str) -> list[str]:
        documents = rendered("--set", ",".join((KEYS, *more)))
        (worker,), (api,) = of("worker", "StatefulSet", documents), of("api", "Deployment", documents)
        return [each["spec"]["template"]["metadata"]["annotations"]["checksum/config"] for each in (worker, api)]

    worker, api = sums()
    changes = {change: sums(change) for change in ("config.memory.items_bytes=1000000", "config.api.max_events=10")}
    assert [[new != old for new, old in zip(each, (worker, api), strict=True)] for each in changes.values()] == [
        [True, False],
        [False, True],
    ]


@pytest.mark.usefixtures("helm")
def test_workers_mount_no_key_of_the_api() -> None:
    (worker,) = of("worker", "StatefulSet", rendered("--set", KEYS))
    assert "api-read-keys" not in str(worker)


@pytest.mark.usefixtures("helm")
def test_it_mounts_no_volume_that_is_for_workers() -> None:
    volumes = 'extraVolumes=[{"name":"model","emptyDir":{}}]'
    mounts = 'extraVolumeMounts=[{"name":"model","mountPath":"/model"}]'
    documents = rendered("--set", KEYS, "--set-json", volumes, "--set-json", mounts)
    (worker,), (api,) = of("worker", "StatefulSet", documents), of("api", "Deployment", documents)
    assert "/model" in str(worker)
    assert "/model" not in str(api)


@pytest.mark.usefixtures("helm")
def test_a_scaler_has_the_replicas_to_itself() -> None:
    documents = rendered("--set", f"{KEYS},api.autoscaling.enabled=true")
    (deployment,) = of("api", "Deployment", documents)
    (scaler,) = of("api", "HorizontalPodAutoscaler", documents)
    assert "replicas" not in deployment["spec"]
    assert scaler["spec"]["scaleTargetRef"]["name"] == deployment["metadata"]["name"]


@pytest.mark.usefixtures("helm")
def test_its_pods_are_a_job_of_their_own_which_no_alert_of_workers_asks_for() -> None:
    documents = rendered("--set", f"{KEYS},podMonitor.enabled=true,prometheusRule.enabled=true")
    (worker,), (api,) = of("worker", "PodMonitor", documents), of("api", "PodMonitor", documents)
    selected = [each["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"] for each in (worker, api)]
    assert selected == ["worker", "api"]
    (rules,) = of("worker", "PrometheusRule", documents)
    expressions = {True: "", False: ""}  # whether they are about the API
    for group in rules["spec"]["groups"]:
        expressions[group["name"] == "millrace-api"] += " ".join(rule["expr"] for rule in group["rules"])
    jobs = {about_api: set(re.findall(r'job="([^"]+)"', text)) for about_api, text in expressions.items()}
    assert jobs == {True: {f"millrace/{api['metadata']['name']}"}, False: {f"millrace/{worker['metadata']['name']}"}}
    assert jobs[True] != jobs[False]


@pytest.mark.usefixtures("helm")
def test_only_its_own_network_policy_holds_for_its_pods_and_lets_in_whom_values_name() -> None:
    documents = rendered("--values", chart.EVERYTHING)
    (ours,) = of("api", "NetworkPolicy", documents)
    (others,) = of("worker", "NetworkPolicy", documents)
    (excluded,) = others["spec"]["podSelector"]["matchExpressions"]
    assert (excluded["operator"], excluded["values"]) == ("NotIn", ["api"])
    by_port = {rule["ports"][0]["port"]: rule["from"] for rule in ours["spec"]["ingress"]}
    assert {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}} in by_port["http"]
    assert by_port["metrics"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    ports = [port["port"] for rule in ours["spec"]["egress"] for port in rule["ports"]]
    assert ports == [53, 53, 9093, 6379, "metrics"], "the last is for the console's figures"


@pytest.mark.usefixtures("helm")
def test_helm_test_asks_the_api_where_there_is_one() -> None:
    (with_api,) = of("test", "Pod", rendered("--set", KEYS))
    (without,) = of("test", "Pod", rendered())
    (asks,) = (each for each in with_api["spec"]["containers"] if each["name"] == "api")
    assert "http://millrace-api:80/v1/openapi.json" in asks["args"][0]
    assert [each["name"] for each in without["spec"]["containers"]] == ["doctor", "ready"]
