"""The Helm chart as helm renders it, and whose schemas say what Kubernetes takes."""

import os
import subprocess
from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec
import pytest
import yaml
from tests.support.artifacts import ROOT

CHART: Final = ROOT / "deploy" / "helm" / "fastgate"
RELEASE: Final = "gw"
NAME: Final = "gw-fastgate"
# The oldest that the chart takes, and the newest that there is.
VERSIONS: Final = ("1.30", "1.37")
OPERATOR: Final = "monitoring.coreos.com/v1"

_HELM: Final = ROOT / "build" / "helm" / "helm"
_MODELS: Final = ROOT / "build" / "kubernetes-models"
_CHECK_MODELS: Final = f"""
import {{ readFileSync }} from "node:fs";
for (const made of JSON.parse(readFileSync(0, "utf8"))) {{
  const models = await import("@kubernetes-models/prometheus-operator/{OPERATOR}/" + made.kind);
  new models[made.kind](made).validate();
}}
"""

Manifest = dict[str, Any]


def _needed(path: Path) -> Path:
    if not path.exists():
        _missing(str(path.relative_to(ROOT)))
    return path


def _missing(what: str) -> NoReturn:
    """Skips the test where `make chart` was not run; fails it in CI, where `make test` does the same."""
    message = f"{what} is missing: run make chart"
    if "CI" in os.environ:
        pytest.fail(message)
    pytest.skip(message)


def _validator() -> Any:
    if find_spec("kubernetes_validate") is None:
        _missing("kubernetes-validate")
    return import_module("kubernetes_validate")


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """No cluster is asked: the version is the newest, where none is given."""
    return subprocess.run(
        [str(_needed(_HELM)), *arguments, "--kube-version", VERSIONS[-1]],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


class Chart:
    """What one set of values makes: the manifests, and the parts of them that tests look at."""

    def __init__(self, *values: str, files: Iterable[Path] = ()) -> None:
        """`values` are `name=value` as `helm --set` takes them."""
        arguments = [f"--values={file}" for file in files]
        for value in values:
            arguments += ["--set", value]
        made = helm("template", RELEASE, str(CHART), *arguments)
        assert made.returncode == 0, made.stderr
        self.manifests: list[Manifest] = [each for each in yaml.safe_load_all(made.stdout) if each]

    def kinds(self) -> set[str]:
        return {each["kind"] for each in self.manifests}

    def one(self, kind: str) -> Manifest:
        (found,) = [each for each in self.manifests if each["kind"] == kind]
        return found

    @property
    def workload(self) -> Manifest:
        return self.one("StatefulSet" if "StatefulSet" in self.kinds() else "Deployment")

    @property
    def pod(self) -> Manifest:
        template: Manifest = self.workload["spec"]["template"]
        return template

    @property
    def container(self) -> Manifest:
        (found,) = self.pod["spec"]["containers"]
        assert isinstance(found, dict)
        return found

    @property
    def config(self) -> str:
        """`fastgate.yaml`, "" where there is none."""
        return str(self.one("ConfigMap")["data"]["fastgate.yaml"]) if "ConfigMap" in self.kinds() else ""

    def environment(self) -> dict[str, str]:
        """What the container's variables say themselves, and not by reference."""
        return {each["name"]: each["value"] for each in self.container["env"] if "value" in each}


def check_schemas(manifests: Iterable[Manifest], version: str) -> None:
    """Against what Kubernetes publishes; unknown fields are errors. Raises what its validator raises."""
    validator = _validator()
    for manifest in manifests:
        if manifest["apiVersion"] != OPERATOR:
            validator.validate(manifest, version, strict=True)


def check_operator_schemas(manifests: Iterable[Manifest]) -> str:
    """Against the Prometheus operator's; the reason of a refusal, or "". It ignores unknown fields."""
    _needed(_MODELS / ".installed")
    script = _MODELS / "check.mjs"
    script.write_text(_CHECK_MODELS)
    made = subprocess.run(
        ["node", script],
        input=msgspec.json.encode([each for each in manifests if each["apiVersion"] == OPERATOR]),
        capture_output=True,
        timeout=30,
        check=False,
    )
    return made.stderr.decode() if made.returncode else ""
