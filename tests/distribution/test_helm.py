"""The Helm chart: helm renders it, Kubernetes' own schemas take it, and a gateway runs on what it says."""

import http.client
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml
from deploy.container import recipe
from tests.support.artifacts import ROOT
from tests.support.chart import (
    CHART,
    NAME,
    OPERATOR,
    VERSIONS,
    Chart,
    check_operator_schemas,
    check_schemas,
    helm,
)
from tests.support.gateway_process import GatewayProcess

from fastgate._version import __version__
from fastgate.config.load import check
from fastgate.observability import catalogue

GUIDE: Final = (ROOT / "docs" / "kubernetes.md").read_text()
CASES: Final = {"default": (), **{file.stem: (file,) for file in sorted((CHART / "ci").glob("*.yaml"))}}
# What references bring; certificates and secret files are put where the pod would have them.
SECRETS: Final = {"SEARCH_KEY": "sk-a-key-that-is-long-enough-0123", "LEDGER_URL": "postgresql://db/fastgate"}
ENDING_S: Final = 15
"""What docs/operations.md says that a gateway may take beyond `server.drain_s`."""


@pytest.fixture(scope="module", params=CASES)
def chart(request: pytest.FixtureRequest) -> Chart:
    return Chart(files=CASES[request.param])


@pytest.fixture(scope="module")
def full() -> Chart:
    return Chart(files=CASES["full-values"])


# --- what is rendered -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_helm_finds_nothing_to_complain_of(case: str) -> None:
    made = helm("lint", "--strict", str(CHART), *(f"--values={file}" for file in CASES[case]))
    assert made.returncode == 0, made.stdout
    assert "1 chart(s) linted, 0 chart(s) failed" in made.stdout


def test_it_runs_the_version_that_it_lies_beside() -> None:
    metadata = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert metadata["appVersion"] == __version__


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_takes_it(chart: Chart, version: str) -> None:
    check_schemas(chart.manifests, version)


def test_the_schemas_refuse_what_is_wrong(full: Chart) -> None:
    service = full.one("Service")
    with pytest.raises(jsonschema.ValidationError, match="sesionAffinity"):
        check_schemas([{**service, "spec": {**service["spec"], "sesionAffinity": "None"}}], VERSIONS[-1])
    monitor = full.one("ServiceMonitor")
    assert "selector" in check_operator_schemas([{**monitor, "spec": {"endpoints": []}}])


def test_the_prometheus_operator_takes_it(full: Chart) -> None:
    assert {each["kind"] for each in full.manifests if each["apiVersion"] == OPERATOR} == {
        "ServiceMonitor",
        "PrometheusRule",
    }
    assert check_operator_schemas(full.manifests) == ""


def paths(values: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Of all that is no mapping, or an empty one."""
    for name, value in values.items():
        if isinstance(value, dict) and value:
            yield from paths(value, (*above, name))
        else:
            yield (*above, name)


def test_every_value_does_something(full: Chart) -> None:
    """The full case sets, or leaves switched on, everything that a value can switch on."""
    assert full.kinds() == {
        "ConfigMap",
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
        "Pod",
        "PodDisruptionBudget",
        "PrometheusRule",
        "Service",
        "ServiceAccount",
        "ServiceMonitor",
        "StatefulSet",
    }
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    templates = "".join(file.read_text() for file in (CHART / "templates").rglob("*.*"))
    taken = set(re.findall(r"\.Values\.([\w.]+)", templates))
    assert [path for path in paths(values) if not taken & {".".join(path[:n]) for n in (1, 2, 3, 4)}] == []


def test_secrets_come_by_reference_only(chart: Chart, full: Chart) -> None:
    assert "Secret" not in chart.kinds()
    assert full.container["envFrom"] == [{"secretRef": {"name": "fastgate"}}]
    mounted = {
        each["name"]: each["secret"]["secretName"] for each in full.pod["spec"]["volumes"] if "secret" in each
    }
    assert mounted == {"secrets": "fastgate-files", "tls": "fastgate-tls"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("replicas=3", "additional properties 'replicas' not allowed"),
        ("workers=0", "minimum"),
        ("config.server.port=1", "want string"),
        ("env[0].name=FASTGATE_SERVER__PORT,env[0].value=1", "'not' failed"),
        ("persistence.accessModes[0]=ReadWriteMany", "must be one of"),
        ("ledger.url=x", "additional properties 'ledger' not allowed"),
    ],
)
def test_a_wrong_value_is_refused(value: str, message: str) -> None:
    made = helm("template", "x", str(CHART), "--set", value)
    assert made.returncode != 0
    assert message in made.stderr


@pytest.mark.parametrize("value", ["replicaCount=2", "autoscaling.enabled=true"])
@pytest.mark.parametrize(
    "ledger", ["config=ledger: {url: postgresql://db/fastgate}", "env[0].name=FASTGATE_LEDGER__URL_FILE"]
)
def test_one_database_for_several_gateways_is_refused(value: str, ledger: str) -> None:
    made = helm("template", "x", str(CHART), "--set", value, "--set", ledger)
    assert made.returncode != 0
    assert "takes one gateway only" in made.stderr


# --- what it says to Kubernetes -------------------------------------------------------------------


def test_a_volume_for_each_pod_or_none() -> None:
    kept = Chart().workload
    assert kept["kind"] == "StatefulSet"
    (claim,) = kept["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["name"] == "data"
    forgetful = Chart(files=CASES["stateless-values"])
    assert forgetful.workload["kind"] == "Deployment"
    assert {"name": "data", "emptyDir": {}} in forgetful.pod["spec"]["volumes"]
    assert forgetful.workload["spec"]["strategy"]["type"] == "RollingUpdate"
    # A second gateway would wait in vain for the first one's database.
    assert Chart(files=CASES["postgresql-values"]).workload["spec"]["strategy"] == {"type": "Recreate"}


def test_the_pods_are_as_restricted_as_can_be(chart: Chart) -> None:
    """Kubernetes' Pod Security Standard `restricted`, and a root file system that is read-only."""
    for pod in (chart.pod, chart.one("Pod")):
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = spec["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"hostPath"}.isdisjoint(name for each in spec.get("volumes", ()) for name in each)


def test_a_pod_is_given_the_time_to_drain(chart: Chart) -> None:
    drain_s = float(chart.environment()["FASTGATE_SERVER__DRAIN_S"])
    stop_s = chart.container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert chart.pod["spec"]["terminationGracePeriodSeconds"] >= stop_s + drain_s + ENDING_S


def test_what_selects_pods_selects_those_of_the_gateway(full: Chart) -> None:
    labels = full.pod["metadata"]["labels"].items()
    test_labels = full.one("Pod")["metadata"]["labels"].items()
    spread = full.pod["spec"]["topologySpreadConstraints"]
    selectors = [
        full.workload["spec"]["selector"]["matchLabels"],
        full.one("Service")["spec"]["selector"],
        full.one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        full.one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(each["labelSelector"]["matchLabels"] for each in spread),
    ]
    assert len(selectors) == 6
    for selector in selectors:
        assert selector.items() <= labels
        assert not selector.items() <= test_labels
    monitor = full.one("ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= full.one("Service")["metadata"]["labels"].items()
    assert [each["port"] for each in monitor["endpoints"]] == ["http"]


def test_its_own_test_may_reach_it(full: Chart) -> None:
    policy = full.one("NetworkPolicy")["spec"]
    ((ingress,), labels) = policy["ingress"], full.one("Pod")["metadata"]["labels"]
    selectors = [peer["podSelector"]["matchLabels"] for peer in ingress["from"] if "podSelector" in peer]
    assert [selector.items() <= labels.items() for selector in selectors] == [True]


def test_it_scales_by_a_metric_that_exists(full: Chart) -> None:
    scaler = full.one("HorizontalPodAutoscaler")["spec"]
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": NAME}
    assert "replicas" not in full.workload["spec"], "a number here would undo what the autoscaler did"
    by_requests, by_cpu = scaler["metrics"]
    assert by_requests["pods"]["metric"]["name"] == catalogue.REQUESTS_IN_FLIGHT.name
    assert f"seriesQuery: {catalogue.REQUESTS_IN_FLIGHT.name}{{" in GUIDE
    assert by_cpu["resource"]["name"] == "cpu"
    assert "cpu" in full.container["resources"]["requests"]
    only_cpu = Chart("autoscaling.enabled=true", "autoscaling.targetInFlightRequests=0")
    assert [each["type"] for each in only_cpu.one("HorizontalPodAutoscaler")["spec"]["metrics"]] == [
        "Resource"
    ]


def test_a_new_configuration_restarts_the_pods_or_is_reloaded() -> None:
    def annotations(*values: str) -> Any:
        return Chart(*values).pod["metadata"]["annotations"]

    before, after = annotations("config=a: 1"), annotations("config=a: 2")
    assert before["checksum/config"] != after["checksum/config"]
    assert annotations("configChange=reload", "config=a: 1") == annotations(
        "configChange=reload", "config=a: 2"
    )


def test_the_rules_are_those_of_the_project(full: Chart) -> None:
    rules = (CHART.parents[1] / "prometheus" / "alerts.yml").read_text()
    assert full.one("PrometheusRule")["spec"] == yaml.safe_load(rules)


# --- what it says to the gateway ------------------------------------------------------------------


def in_directory(chart: Chart, directory: Path) -> dict[str, str]:
    """The container's variables and files, with `directory` as the root of its file system."""
    roots = ("/etc/fastgate/", "/etc/fastgate-tls/", "/run/secrets/fastgate/", "/var/lib/fastgate/")
    for root in roots:
        (directory / root[1:]).mkdir(parents=True)
    (directory / "etc/fastgate-tls/tls.crt").write_text("")
    (directory / "etc/fastgate-tls/tls.key").write_text("")
    (directory / "run/secrets/fastgate/openai").write_text("sk-openai\n")
    if chart.config:
        config = chart.config.replace("file:/run", f"file:{directory}/run")
        (directory / "etc/fastgate/fastgate.yaml").write_text(config)
    return {
        name: f"{directory}{value}" if value.startswith(roots) else value
        for name, value in chart.environment().items()
    }


def test_the_gateway_takes_its_configuration(chart: Chart, tmp_path: Path) -> None:
    settings, found = check(None, {**in_directory(chart, tmp_path), **SECRETS})
    assert settings is not None, found
    assert found == []
    assert settings.server.host == "0.0.0.0"
    (port,) = chart.container["ports"]
    assert settings.server.port == port["containerPort"]
    mounts = {mount["name"]: mount["mountPath"] for mount in chart.container["volumeMounts"]}
    assert mounts["data"] == recipe.last("VOLUME")[0], "an image's own volume would lie over it"
    # Not the root of the volume itself, which belongs to root.
    assert Path(settings.data_dir).parent == tmp_path / mounts["data"][1:]


def test_the_values_of_the_guide(tmp_path: Path) -> None:
    (values,) = re.findall(r'^```yaml title="values\.yaml"\n(.*?)^```', GUIDE, re.MULTILINE | re.DOTALL)
    (tmp_path / "values.yaml").write_text(values)
    chart = Chart(files=[tmp_path / "values.yaml"])
    environ = {**in_directory(chart, tmp_path), **SECRETS, "OPENAI_API_KEY": "sk-openai"}
    assert chart.container["envFrom"] == [{"secretRef": {"name": "fastgate"}}]
    settings, found = check(None, environ)
    assert (settings is not None, found) == (True, [])


def test_amounts_keep_their_digits(full: Chart, tmp_path: Path) -> None:
    settings, _ = check(None, {**in_directory(full, tmp_path), **SECRETS})
    assert settings is not None
    (key,) = settings.virtual_keys
    assert str(getattr(key.budget, "max_per_month_usd", None)) == "12000000.10"
    assert key.rate_limit is not None
    assert key.rate_limit.tokens_per_minute == 2_000_000


@pytest.mark.parametrize("case", ["default", "stateless-values"])
def test_a_gateway_that_runs_on_it_answers_its_probes(case: str, tmp_path: Path) -> None:
    chart = Chart(files=CASES[case])
    environment = {**in_directory(chart, tmp_path), **(SECRETS if chart.config else {})}
    assert chart.container["args"] == ["serve"]
    with GatewayProcess(None, tmp_path, env=environment) as gateway:
        assert gateway.workers == 2
        port = urlsplit(gateway.url).port
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = chart.container[name]["httpGet"]
            assert (probe["port"], probe["scheme"]) == ("http", "HTTP")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", probe["path"])
            assert connection.getresponse().status == 200, name
            connection.close()
