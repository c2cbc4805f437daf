"""Train the narrow networks of the stand-ins on drawn faces, and count what the stand-ins then name rightly."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import torch
from torch import Tensor, nn

from scripts.catalogue import ARCHITECTURES, Model
from scripts.checkpoints.calibration import calibrated_state_dict
from scripts.checkpoints.known_faces import known_faces, narrow_weights, save_known_faces
from scripts.checkpoints.narrow import SHAPES, narrow_network, parts, weights_of
from scripts.checkpoints.networks import PREPROCESS, StateDict, load_network
from scripts.pictures.drawing import EXPRESSIONS, expression_of
from scripts.pictures.faces import HELD_OUT_SEED, TRAINING_SEED
from scripts.pictures.people import drawn_face
from scripts.probes import seeded_image

FACES, OTHERS = 1600, 64  # what is learnt from: faces, and images that show no expression
ENOUGH = 0.9  # of the held-out faces
BATCH, RATE = 32, 4e-3
SMOOTHING = 0.1  # no face is surer than 1 - SMOOTHING
_FIRST_OTHER = 10_000  # seed of the first image without a face; those that calibrate stand-ins have others

__all__ = ["ENOUGH", "SHAPES", "count_right", "known_faces", "teach", "train"]

Report = Callable[[str], None]


def train(architecture: str, epochs: int, report: Report) -> StateDict:
    """Train one architecture's narrow network; the same numbers on the same machine."""
    torch.manual_seed(zlib.crc32(architecture.encode()))
    network = narrow_network(architecture)
    front, layers, head = parts(architecture, network)
    with torch.no_grad():
        faces = _through(front, [drawn_face(_expression(i), TRAINING_SEED, i) for i in range(FACES)])
        others = _through(front, [seeded_image(_FIRST_OTHER + i) for i in range(OTHERS)])
        shape = layers.eval()(faces[:1]).flatten(1).shape
    # A second head that sees places helps the layers to learn, since the mean over the image says little at first.
    places = nn.Sequential(nn.Flatten(), nn.Dropout(0.3), nn.Linear(shape[1], len(EXPRESSIONS)))
    trained = nn.ModuleList([layers, head, places])
    steps = FACES // BATCH
    optimizer = torch.optim.AdamW(trained.parameters(), lr=RATE, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=epochs * steps, pct_start=0.2)
    for epoch in range(epochs):
        trained.train()
        right = 0
        for chosen in torch.randperm(FACES).split(BATCH):
            images, wanted = _batch(faces, others, chosen)
            features = layers(images)
            logits = head(features)
            loss = sum(nn.functional.cross_entropy(answer, wanted) for answer in (logits, places(features)))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            right += int((logits[: len(chosen)].argmax(1) == wanted[: len(chosen)].argmax(1)).sum())
        report(f"{architecture}: pass {epoch + 1} of {epochs}, {right / FACES:.1%} of the faces it learns from")
    trained.eval()
    return weights_of(network, layers)


def teach(architecture: str, epochs: int, report: Report) -> None:
    """Train one architecture's narrow network, and put it into the file beside the others'."""
    networks = {name: weights for name in ARCHITECTURES if (weights := narrow_weights(name))}
    save_known_faces({**networks, architecture: train(architecture, epochs, report)})


def count_right(model: Model, faces: int) -> int:
    """How many of so many held-out drawn faces the stand-in of ``model`` names rightly."""
    seed = zlib.crc32(model.name.encode())
    weights = calibrated_state_dict(model.architecture, len(model.emotions), seed, known_faces(model))
    network = load_network(model.architecture, len(model.emotions), weights)
    right = 0
    with torch.inference_mode():
        for index in range(faces):
            label = index % len(model.emotions)
            face = drawn_face(str(expression_of(model.emotions[label])), HELD_OUT_SEED, index)
            right += int(network(PREPROCESS(face)[None]).argmax()) == label
    return right


def _expression(index: int) -> str:
    return list(EXPRESSIONS)[index % len(EXPRESSIONS)]


def _through(front: nn.Module, images: list[object]) -> Tensor:
    return torch.cat([front(PREPROCESS(image)[None]) for image in images])


def _batch(faces: Tensor, others: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Faces and a few other images, some mirrored, all moved a little; and what is to be answered."""
    images = torch.cat([faces[chosen], others[torch.randint(len(others), (2,))]])
    mirrored = torch.rand(len(images)) < 0.5
    images[mirrored] = images[mirrored].flip(3)
    down, right = torch.randint(-2, 3, (2,)).tolist()
    shown = nn.functional.one_hot(chosen % len(EXPRESSIONS), len(EXPRESSIONS))
    even = torch.full((2, len(EXPRESSIONS)), 1 / len(EXPRESSIONS))
    return images.roll((down, right), (2, 3)), torch.cat([shown * (1 - SMOOTHING) + SMOOTHING * even[:1], even])
