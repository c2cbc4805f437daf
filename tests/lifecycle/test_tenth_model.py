"""A model that is not among the nine, from its checkpoint to the clients, without a restart."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
import torch
from PIL import Image

from scripts.checkpoints.networks import load_network, reference_probabilities
from scripts.files import sha256
from tests.support.asking import IMAGE, predict
from tests.support.polling import poll
from tests.support.sites import Site
from tests.support.stacks import ServeSite

NAME = "MobileNetV2_Mood+3"
LABELS = ["calm", "Träge", "wild"]


def make_checkpoint(source: Path, target: Path) -> torch.nn.Module:
    """Cut a classifier of three labels out of one with seven; returns its network."""
    state = torch.load(source, weights_only=True)["state_dict"]
    for part in ("classifier.1.weight", "classifier.1.bias"):
        state[part] = state[part][: len(LABELS)].clone()
    torch.save(state, target)
    network: torch.nn.Module = load_network("MobileNetV2", len(LABELS), state)
    return network


def test_a_tenth_model_serves_without_a_restart(new_site: Callable[[str], Site], serve_site: ServeSite) -> None:
    site = new_site("tenth")
    with serve_site(site) as stack:
        unknown = predict(stack.url, NAME)
        assert (unknown.status, NAME in unknown.body["error"]) == (400, True)

        network = make_checkpoint(site.results / "MobileNetV2_FER2013_best.pt", site.results / f"{NAME}_best.pt")
        entries = json.loads(site.catalogue_file.read_text())
        entry = {"architecture": "MobileNetV2", "dataset": "Mood+3", "emotions": LABELS, "accuracy": 12.5}
        site.catalogue_file.write_text(json.dumps(entries | {NAME: entry}))
        site.build()
        registered = stack.command("lifecycle", "register", NAME)
        assert (registered.returncode, registered.stderr.count("is not in")) == (0, 0), registered.stderr

        poll(lambda: predict(stack.url, NAME), lambda answer: answer.status == 200, 10)
        body = predict(stack.url, NAME).body
        (expected,) = reference_probabilities(network, [Image.open(io.BytesIO(IMAGE))]).tolist()
        probabilities = body["predictions"]
        assert probabilities == pytest.approx(dict(zip(LABELS, expected, strict=True)), abs=1e-4)
        top = max(probabilities, key=probabilities.__getitem__)
        assert body == {
            "success": True,
            "model": NAME,
            "predictions": probabilities,
            "top_emotion": top,
            "confidence": probabilities[top],
            "version": "1.0",
        }
        models = requests.get(f"{stack.url}/api/v1/models", timeout=10).json()
        digest = sha256(next(site.store.glob("MobileNetV2_Mood*.mar")))
        assert models["models"][NAME] == {**entry, "precision": "f32", "version": "1.0", "digest": digest}
        assert NAME in models["loaded_models"]
        health = requests.get(f"{stack.url}/api/v1/health", timeout=10).json()
        assert (health["status"], health["loaded_models"], health["available_models"]) == ("healthy", 3, 3)
