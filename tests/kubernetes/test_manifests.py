"""The manifests, rendered: valid for Kubernetes and the operators, hardened, and true to images and settings."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from scripts.monitoring import operator
from scripts.settings import ROOT, load_settings
from tests.kubernetes.schemas import CUSTOM, VERSIONS, assert_valid
from tests.support.kustomize import Kustomize, Resource, of_kind, written_overlay
from tests.support.version import project_version

HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"


@pytest.fixture(scope="module")
def render(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Resource]]:
    return Kustomize(tmp_path_factory.mktemp("manifests")).render


@pytest.fixture(scope="module", params=["base", "overlays/all"])
def resources(request: pytest.FixtureRequest, render: Callable[[str], list[Resource]]) -> list[Resource]:
    return render(request.param)


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    """Pods that have their archives from a registry."""
    kustomize = Kustomize(tmp_path_factory.mktemp("fetched"))
    kustomize.add("overlays/mine", **written_overlay())
    return kustomize.render("overlays/mine")


def pod_of(resources: list[Resource]) -> Resource:
    return dict(of_kind(resources, "Deployment")["spec"]["template"]["spec"])


def containers_of(pod: Resource) -> dict[str, Resource]:
    return {container["name"]: container for container in [*pod["initContainers"], *pod["containers"]]}


@pytest.mark.parametrize("version", VERSIONS)
def test_they_are_valid_for_kubernetes(resources: list[Resource], version: str) -> None:
    assert_valid(resources, version)


@pytest.mark.parametrize("overlay", ["all", "pools"])
def test_the_custom_resources_are_valid_for_their_operators(
    render: Callable[[str], list[Resource]], overlay: str
) -> None:
    custom = [resource for resource in render(f"overlays/{overlay}") if resource["kind"] in CUSTOM]
    assert {resource["kind"] for resource in custom} == CUSTOM
    told = subprocess.run(
        ["node", HERE / "validate.mjs"], input=json.dumps(custom), capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stderr) == (0, "")


def test_every_container_is_hardened_limited_and_pinned(resources: list[Resource]) -> None:
    pod = pod_of(resources)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    containers = containers_of(pod)
    assert containers.keys() == {"configure", "torchserve", "proxy"}
    for name, container in containers.items():
        hardened = container["securityContext"]
        assert hardened["readOnlyRootFilesystem"] is True, name
        assert hardened["allowPrivilegeEscalation"] is False, name
        assert hardened["capabilities"] == {"drop": ["ALL"]}, name
        assert container["resources"]["requests"].keys() >= {"cpu", "memory"}, name
        assert container["resources"]["limits"].keys() >= {"cpu", "memory"}, name
        assert container["image"].rpartition(":")[2] == project_version(), name


def test_what_serves_is_probed_and_drained(resources: list[Resource]) -> None:
    pod = pod_of(resources)
    for container in pod["containers"]:
        assert "livenessProbe" in container
        assert "preStop" in container["lifecycle"]
    proxy = containers_of(pod)["proxy"]
    assert proxy["readinessProbe"]["httpGet"]["path"] == "/api/v1/health/ready"
    assert proxy["livenessProbe"]["httpGet"]["path"] == "/api/v1/health/live"
    environment = of_kind(resources, "ConfigMap")["data"]
    assert pod["terminationGracePeriodSeconds"] > load_settings(environment).predict_timeout + 5


def test_all_containers_have_the_same_settings_and_the_service_understands_them(resources: list[Resource]) -> None:
    config = of_kind(resources, "ConfigMap")
    for container in containers_of(pod_of(resources)).values():
        assert container["envFrom"] == [{"configMapRef": {"name": config["metadata"]["name"]}}]
    settings = load_settings(config["data"])
    mounts = containers_of(pod_of(resources))["proxy"]["volumeMounts"]
    assert str(settings.api_keys_file.parent) in [mount["mountPath"] for mount in mounts]


def test_a_pod_is_chosen_by_service_policy_and_budget(resources: list[Resource]) -> None:
    labels = of_kind(resources, "Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        of_kind(resources, "Service")["spec"]["selector"],
        of_kind(resources, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        of_kind(resources, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
    ]
    for selector in selectors:
        assert selector.items() <= labels.items()


@pytest.mark.parametrize("version", VERSIONS)
def test_pods_that_fetch_their_archives_are_valid_for_kubernetes(fetched: list[Resource], version: str) -> None:
    assert_valid(fetched, version)


def test_archives_are_fetched_before_all_else_in_place_of_the_claim(fetched: list[Resource]) -> None:
    pod = pod_of(fetched)
    first = pod["initContainers"][0]
    settings = {each["metadata"]["name"]: each["data"] for each in fetched if each["kind"] == "ConfigMap"}
    given = {key: value for each in first["envFrom"] for key, value in settings[each["configMapRef"]["name"]].items()}
    assert first["name"] == "fetch"
    assert given["ARCHIVES"] == "oci://registry.example/emotions@sha256:…"
    assert first["image"] == containers_of(pod)["torchserve"]["image"]
    assert not [each for each in fetched if each["kind"] == "PersistentVolumeClaim"]
    assert not [volume for volume in pod["volumes"] if "persistentVolumeClaim" in volume]


def test_the_monitor_gives_the_job_that_the_rules_ask_for(render: Callable[[str], list[Resource]]) -> None:
    (endpoint,) = of_kind(render("overlays/all"), "ServiceMonitor")["spec"]["endpoints"]
    (local,) = yaml.safe_load((ROOT / "monitoring" / "prometheus.yml").read_text())["scrape_configs"]
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": local["job_name"]}]


def test_the_scaler_asks_for_the_waits_of_its_own_service(render: Callable[[str], list[Resource]]) -> None:
    resources = render("overlays/all")
    scaler, service = of_kind(resources, "ScaledObject")["spec"], of_kind(resources, "Service")["metadata"]
    (trigger,) = scaler["triggers"]
    assert trigger["metricType"] == "Value"  # of a mean, which no number of pods divides
    chosen = f'{{namespace="{service["namespace"]}",service="{service["name"]}"}}'
    assert trigger["metadata"]["query"].count(chosen) == trigger["metadata"]["query"].count("{") == 2


def test_the_rules_are_those_of_prometheus(render: Callable[[str], list[Resource]]) -> None:
    rule = of_kind(render("overlays/all"), "PrometheusRule")
    names = [group["name"] for path in operator.SOURCES for group in yaml.safe_load(path.read_text())["groups"]]
    assert [group["name"] for group in rule["spec"]["groups"]] == names
