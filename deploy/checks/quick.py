"""The checks that need nothing but files."""

import json
import shutil
import tempfile
from pathlib import Path

from deploy.checks import chart, dashboard, schemas, tools
from deploy.checks.running import ROOT, Check, CheckFailed, command

DEPLOY = ROOT / "deploy"
DASHBOARD = DEPLOY / "grafana" / "millrace.json"
RULES = DEPLOY / "prometheus" / "rules.yaml"
RULE_TESTS = [RULES.with_name(name) for name in ("rules_test.yaml", "rules_workers_test.yaml", "rules_api_test.yaml")]
PLAIN_RULE_TESTS = RULES.with_name("rules_plain_test.yaml")


def checks() -> list[Check]:
    """In the order of what is read."""
    rules = [Check("promtool rules", _rules)] if RULES.exists() else []
    return [
        Check("hadolint", _dockerfile),
        Check("composecheck", _compose),
        Check("promtool config", _prometheus),
        *rules,
        Check("dashboard", _dashboard),
        Check("helm lint", _lint),
        Check("kubeconform", _schemas),
        Check("kube-score", _practice),
        Check("manifests", _manifests),
    ]


def _dockerfile() -> str:
    command(tools.hadolint(), DEPLOY / "Dockerfile")
    return "Dockerfile"


def _compose() -> str:
    command(tools.composecheck(), DEPLOY / "compose.yaml")
    return "compose.yaml"


def _prometheus() -> str:
    promtool = tools.of_debian("promtool", "prometheus")
    command(promtool, "check", "config", "--syntax-only", DEPLOY / "prometheus" / "prometheus.yaml")
    return "prometheus.yaml"


def _rules() -> str:
    """As they lie there, and as the chart narrows them to its release."""
    _test_rules(RULES, *RULE_TESTS, PLAIN_RULE_TESTS)
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / RULES.name
        rules.write_text(chart.rules())
        _test_rules(rules, *(Path(shutil.copy(tests, folder)) for tests in RULE_TESTS))
    return f"{RULES.name}, and the chart's rules"


def _test_rules(rules: Path, *tests: Path) -> None:
    promtool = tools.of_debian("promtool", "prometheus")
    command(promtool, "check", "rules", "--lint=all", "--lint-fatal", rules)
    command(promtool, "test", "rules", *tests)


def _dashboard() -> str:
    """By rules of our own; its expressions by promtool."""
    shown = json.loads(DASHBOARD.read_text())
    if faults := dashboard.faults(shown):
        raise CheckFailed("\n" + "\n".join(faults))
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "dashboard.yaml"
        rules.write_text(dashboard.as_rules(shown))
        command(tools.of_debian("promtool", "prometheus"), "check", "rules", "--lint=all", "--lint-fatal", rules)
    return f"{DASHBOARD.name}, and its expressions by promtool"


def _lint() -> str:
    for values in chart.VALUES:
        command(tools.helm(), "lint", "--strict", "--values", values, chart.CHART)
    command(tools.helm(), "lint", "--strict", chart.CHART)
    return f"the chart with {len(chart.VALUES) + 1} sets of values"


def _schemas() -> str:
    where = [word for location in schemas.locations() for word in ("-schema-location", location)]
    with tempfile.TemporaryDirectory() as folder:
        files = _files(Path(folder))
        told = command(tools.kubeconform(), "-strict", "-summary", *where, *files, chart.MANIFESTS)
    return told.strip().splitlines()[-1]


def _practice() -> str:
    """A limit on CPU would only slow a worker down; what an image's tag means is the registry's."""
    ignored = ("--ignore-container-cpu-limit", "--ignore-test", "container-image-pull-policy")
    with tempfile.TemporaryDirectory() as folder:
        files = _files(Path(folder))
        for file in files:  # apart, or policies of the one would count for the other
            command(tools.kube_score(), "score", "--output-format", "ci", *ignored, file)
    return f"{len(files)} renderings"


def _manifests() -> str:
    chart.compare_plain_manifests()
    return f"{len(chart.manifest_files())} files are as the chart renders them"


def _files(folder: Path) -> list[Path]:
    """The renderings of the chart, a file each."""
    files = []
    for name, text in chart.renderings().items():
        files.append(folder / f"{name}.yaml")
        files[-1].write_text(text)
    return files
