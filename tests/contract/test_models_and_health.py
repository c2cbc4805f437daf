"""GET /api/v1/models, GET /api/v1/health and GET / of a service with all nine models loaded."""

from __future__ import annotations

import torch

from scripts.catalogue import Model, load_catalogue
from scripts.settings import ROOT
from tests.support.assertions import assert_cors, assert_health, assert_models, json_body
from tests.support.client import Client
from tests.support.version import project_version


def test_models_are_listed_with_their_labels_and_all_are_loaded(client: Client, catalogue: dict[str, Model]) -> None:
    assert_models(client.get("/api/v1/models"), catalogue, loaded=set(catalogue))


def test_the_nine_models_are_the_contract_s(client: Client) -> None:
    accuracies = {
        "MobileNetV2": {"FER2013": 55.68, "RAF-DB": 73.57, "CK+48": 97.98},
        "ResNet50": {"FER2013": 56.60, "RAF-DB": 76.27, "CK+48": 98.99},
        "VGG19": {"FER2013": 58.75, "RAF-DB": 80.28, "CK+48": 98.99},
    }
    labels = {
        "FER2013": ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"],
        "RAF-DB": ["Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral"],
        "CK+48": ["anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"],
    }
    expected = {
        f"{architecture}_{dataset}": (architecture, dataset, labels[dataset], accuracy)
        for architecture, by_dataset in accuracies.items()
        for dataset, accuracy in by_dataset.items()
    }
    answered = {
        name: (entry["architecture"], entry["dataset"], entry["emotions"])
        for name, entry in client.get("/api/v1/models").json()["models"].items()
    }
    assert answered == {name: values[:3] for name, values in expected.items()}
    claimed = load_catalogue(ROOT / "models.json")
    assert {name: model.accuracy for name, model in claimed.items()} == {
        name: values[3] for name, values in expected.items()
    }


def test_stand_ins_are_marked_and_claim_no_accuracy(client: Client) -> None:
    entries = client.get("/api/v1/models").json()["models"].values()
    assert [(entry["stand_in"], "accuracy" in entry) for entry in entries] == [(True, False)] * 9


def test_each_model_tells_what_its_archive_computes_in(client: Client) -> None:
    entries = client.get("/api/v1/models").json()["models"].values()
    assert [entry["precision"] for entry in entries] == ["f32"] * 9
    assert not any("proof" in entry or "agreement" in entry for entry in entries)


def test_nine_loaded_models_are_healthy(client: Client) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    assert_health(client.get("/api/v1/health"), "healthy", loaded=9, available=9, device=device)


def test_root_tells_name_and_version(client: Client) -> None:
    response = client.get("/", headers={"Accept": "application/json"})
    assert response.status_code == 200
    assert_cors(response)
    body = json_body(response)
    assert body["name"]
    assert body["version"] == project_version()
