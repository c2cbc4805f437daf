"""The manifests for KServe: valid for it and for Kubernetes, hardened, and true to the image and the settings."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from scripts.catalogue import load_catalogue
from scripts.settings import ROOT, load_settings
from tests.kubernetes.kserve_models import Models, fetch
from tests.support.kustomize import Kustomize, Resource, of_kind
from tests.support.version import project_version

FOLDER = ROOT / "deploy" / "kserve"
KINDS = {"ServingRuntime": "V1alpha1ServingRuntime", "InferenceService": "V1beta1InferenceService"}
VERSIONS = ("1.30", "1.33", "1.35")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    return Models(fetch(tmp_path_factory.mktemp("kserve")))


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    return Kustomize(tmp_path_factory.mktemp("manifests"), FOLDER).render(".")


@pytest.fixture(scope="module")
def resources(rendered: list[Resource]) -> list[Resource]:
    """What is rendered, and the service that is named beside it."""
    return [*rendered, yaml.safe_load((FOLDER / "one.yaml").read_text())]


@pytest.fixture(scope="module")
def container(rendered: list[Resource]) -> Resource:
    (only,) = of_kind(rendered, "ServingRuntime")["spec"]["containers"]
    return dict(only)


def environment(container: Resource) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container["env"]}


def test_they_are_valid_for_kserve(models: Models, resources: list[Resource]) -> None:
    assert {resource["kind"] for resource in resources} == KINDS.keys()
    for resource in resources:
        assert list(models.problems(resource, KINDS[resource["kind"]], resource["kind"])) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda spec: spec.update(supportedModelFormat=[]), "V1alpha1ServingRuntimeSpec has no such field"),
        (lambda spec: spec["supportedModelFormats"][0].update(version=1), "1 is no str"),
        (lambda spec: spec.update(protocolVersions="v2"), "'v2' is no list"),
    ],
    ids=["field", "type", "list"],
)
def test_what_is_not_valid_is_found(
    models: Models, resources: list[Resource], change: Callable[[Resource], None], problem: str
) -> None:
    wrong = copy.deepcopy(of_kind(resources, "ServingRuntime"))
    change(wrong["spec"])
    (found,) = models.problems(wrong, KINDS["ServingRuntime"])
    assert found.endswith(problem)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_pod_is_valid_for_kubernetes(resources: list[Resource], version: str) -> None:
    runtime = of_kind(resources, "ServingRuntime")["spec"]
    spec = {"containers": runtime["containers"], "volumes": runtime["volumes"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "predictor"}, "spec": spec}
    kubernetes_validate.validate(pod, version, strict=True)


def test_the_container_is_hardened_limited_pinned_and_probed(container: Resource) -> None:
    hardened = container["securityContext"]
    assert (hardened["runAsNonRoot"], hardened["readOnlyRootFilesystem"]) == (True, True)
    assert hardened["allowPrivilegeEscalation"] is False
    assert hardened["capabilities"] == {"drop": ["ALL"]}
    for bounds in ("requests", "limits"):
        assert container["resources"][bounds].keys() >= {"cpu", "memory"}
    assert container["image"].rpartition(":")[2] == project_version()
    assert {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")} == {"/v2/health/live"}
    assert container["readinessProbe"]["httpGet"]["path"] == "/v2/health/ready"


def test_the_service_understands_its_settings(container: Resource, resources: list[Resource]) -> None:
    settings = load_settings(environment(container))
    assert settings.model_store == Path("/mnt/models/model-store")
    assert settings.nginx is None
    assert settings.port == container["ports"][0]["containerPort"]
    mounts = [mount["mountPath"] for mount in container["volumeMounts"]]
    assert mounts == ["/run/emotions", "/tmp"]
    names = load_catalogue(ROOT / "models.json")
    for resource in resources[1:]:
        model = resource["spec"]["predictor"]["model"]
        assert (model["runtime"], model["protocolVersion"]) == ("emotion-torchserve", "v2")
        for variable in model.get("env", []):
            assert variable["name"] == "LOAD_MODELS"
            assert variable["value"] in names
        waits = resource["spec"]["predictor"]["terminationGracePeriodSeconds"]
        assert waits > settings.predict_timeout + 5
