"""The overlay with a pool for each architecture: valid, hardened, each model in one pool that the balancer knows."""

from __future__ import annotations

import pytest

from scripts.catalogue import load_catalogue
from scripts.settings import ROOT, load_settings
from tests.kubernetes.schemas import VERSIONS, assert_valid
from tests.support.kustomize import Kustomize, Resource
from tests.support.version import project_version

BALANCER = "emotions-balancer"


@pytest.fixture(scope="module")
def resources(tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    return Kustomize(tmp_path_factory.mktemp("pools")).render("overlays/pools")


def named(resources: list[Resource], kind: str) -> dict[str, Resource]:
    found = [resource for resource in resources if resource["kind"] == kind]
    assert len({resource["metadata"]["name"] for resource in found}) == len(found)
    return {resource["metadata"]["name"]: resource for resource in found}


def settings_of(resources: list[Resource], name: str) -> dict[str, str]:
    """What the first container of a Deployment is told."""
    pod = named(resources, "Deployment")[name]["spec"]["template"]["spec"]
    return dict(named(resources, "ConfigMap")[pod["initContainers"][0]["envFrom"][0]["configMapRef"]["name"]]["data"])


def chosen(resources: list[Resource], selector: dict[str, str]) -> list[str]:
    """The Deployments whose pods have these labels."""
    return [
        name
        for name, deployment in named(resources, "Deployment").items()
        if selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_they_are_valid_for_kubernetes(resources: list[Resource], version: str) -> None:
    assert_valid(resources, version)


def test_each_model_is_loaded_in_one_pool(resources: list[Resource]) -> None:
    pools = named(resources, "Deployment").keys() - {BALANCER}
    loaded = [model for pool in pools for model in settings_of(resources, pool)["LOAD_MODELS"].split(",")]
    assert sorted(loaded) == sorted(load_catalogue(ROOT / "models.json"))


def test_the_balancer_asks_the_services_of_all_pools(resources: list[Resource]) -> None:
    settings = load_settings(settings_of(resources, BALANCER))
    services = named(resources, "Service")
    pools = []
    for node in settings.nodes:
        name, _, port = node.partition(":")
        assert services[name]["spec"]["ports"][0]["port"] == int(port)
        pools += chosen(resources, services[name]["spec"]["selector"])
    assert sorted([*pools, BALANCER]) == sorted(named(resources, "Deployment"))
    assert chosen(resources, services["emotions"]["spec"]["selector"]) == [BALANCER]


def test_the_balancer_may_ask_the_pods_of_all_pools_and_no_others(resources: list[Resource]) -> None:
    rules = named(resources, "NetworkPolicy")[BALANCER]["spec"]["egress"]
    (selector,) = [peer["podSelector"] for rule in rules for peer in rule.get("to", [])]
    labels = {
        name: deployment["spec"]["template"]["metadata"]["labels"]
        for name, deployment in named(resources, "Deployment").items()
    }
    assert {name for name, of in labels.items() if is_selected(of, selector)} == labels.keys() - {BALANCER}


@pytest.mark.parametrize("kind", ["PodDisruptionBudget", "NetworkPolicy"])
def test_each_deployment_has_a_policy_and_a_budget_of_its_own(resources: list[Resource], kind: str) -> None:
    found = []
    for resource in named(resources, kind).values():
        specification = resource["spec"]
        selector = specification["selector"] if "selector" in specification else specification["podSelector"]
        found += chosen(resources, selector["matchLabels"])
    assert sorted(found) == sorted(named(resources, "Deployment"))


def test_the_balancer_is_hardened_probed_and_has_time_to_end(resources: list[Resource]) -> None:
    pod = named(resources, "Deployment")[BALANCER]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    mounted = {mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]}
    for container in [*pod["initContainers"], *pod["containers"]]:
        hardened = container["securityContext"]
        assert hardened["readOnlyRootFilesystem"] is True
        assert hardened["allowPrivilegeEscalation"] is False
        assert hardened["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"].keys() >= {"cpu", "memory"}
        assert container["image"].rpartition(":")[2] == project_version()
    settings = load_settings(settings_of(resources, BALANCER))
    assert {
        str(settings.api_keys_file.parent),
        str(settings.nodes_key_file and settings.nodes_key_file.parent),
    } <= mounted
    assert pod["containers"][0]["readinessProbe"]["httpGet"]["path"] == "/api/v1/health/ready"
    assert pod["terminationGracePeriodSeconds"] > settings.predict_timeout + 5


def test_each_pool_is_scaled_by_how_long_its_own_requests_wait(resources: list[Resource]) -> None:
    scalers = named(resources, "ScaledObject")
    assert scalers.keys() == named(resources, "Deployment").keys() - {BALANCER}
    for pool, scaler in scalers.items():
        assert scaler["spec"]["scaleTargetRef"] == {"name": pool}
        query = scaler["spec"]["triggers"][0]["metadata"]["query"]
        assert query.count(f'{{namespace="emotions",service="{pool}"}}') == query.count("{") == 2
        assert "replicas" not in named(resources, "Deployment")[pool]["spec"]


def test_each_service_is_watched_once_under_a_job_whose_end_is_told(resources: list[Resource]) -> None:
    groups = named(resources, "PrometheusRule")["emotions"]["spec"]["groups"]
    (down,) = [rule["expr"] for group in groups for rule in group["rules"] if rule.get("alert") == "EmotionDown"]
    watched = {}
    for name, service in named(resources, "Service").items():
        (job,) = [
            monitor["spec"]["endpoints"][0]["relabelings"][0]["replacement"]
            for monitor in named(resources, "ServiceMonitor").values()
            if is_selected(service["metadata"]["labels"], monitor["spec"]["selector"])
        ]
        watched[name] = job
    pools = dict.fromkeys(named(resources, "ScaledObject"), "emotion")
    assert watched == {**pools, "emotions": "emotion-balancer"}
    assert down == f'up{{job=~"{"|".join(sorted(set(watched.values())))}"}} == 0'


def is_selected(labels: dict[str, str], selector: Resource) -> bool:
    """Whether Kubernetes would select what has these labels; of expressions, ``In`` and ``NotIn`` are known."""
    expressions = selector.get("matchExpressions", [])
    assert {each["operator"] for each in expressions} <= {"In", "NotIn"}
    return selector.get("matchLabels", {}).items() <= labels.items() and all(
        (labels.get(each["key"]) in each["values"]) == (each["operator"] == "In") for each in expressions
    )
