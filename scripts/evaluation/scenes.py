"""How well faces are found and told: ``python -m scripts.evaluation.scenes`` asks the running service.

The scenes (``pictures/scenes.py``) are seeded, so that the figures of two runs can be compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from scripts.catalogue import load_catalogue
from scripts.client.options import Authority, Key, Url
from scripts.client.service import Service
from scripts.console import new_app, run
from scripts.pictures.drawing import expression_of
from scripts.pictures.scenes import Box, Scene, SceneFace, draw_empty_scene, draw_scene
from scripts.settings import load_settings

# A face is found where a box shares so much of the union with the drawn one; a box that shares less than FALSE with
# every face is a false one.
FOUND, FALSE = 0.5, 0.1
# Upper ends of the sizes that are counted together, in parts of the picture's height.
SIZES = (0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
ALONE = (0.25, 0.9)  # of the single faces whose expressions are told
PICTURE = (640, 480)

Draw = Callable[..., Scene]


@dataclass
class Counts:
    """What was found. ``faces`` and ``found`` count by the upper end of the size."""

    faces: Counter[float] = field(default_factory=Counter)
    found: Counter[float] = field(default_factory=Counter)
    false: int = 0

    def add(self, scene: Scene, boxes: list[Box]) -> None:
        """Count a scene with the boxes that the service answered."""
        for face in scene.faces:
            size = _size(face, scene)
            self.faces[size] += 1
            self.found[size] += any(overlap(face.box, box) >= FOUND for box in boxes)
        self.false += sum(all(overlap(face.box, box) < FALSE for face in scene.faces) for box in boxes)

    def share(self, least: float) -> float:
        """The part of the faces above ``least`` of the height that was found."""
        sizes = [size for size in self.faces if size > least]
        return sum(self.found[size] for size in sizes) / max(1, sum(self.faces[size] for size in sizes))


def overlap(one: Box, other: Box) -> float:
    """The shared part of the union of two boxes, 0 to 1."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return shared / (sum(areas) - shared) if shared else 0.0


def box_of(face: dict[str, Any]) -> Box:
    """The box of a face in the service's answer."""
    box = face["box"]
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def _size(face: SceneFace, scene: Scene) -> float:
    share = face.height / scene.image.height
    return next(size for size in SIZES if share <= size)


def find(service: Service, model: str, scenes: int, seed: int, draw: Draw = draw_scene) -> Counts:
    """Ask for the faces of so many scenes."""
    counts = Counts()
    for number in range(scenes):
        scene = draw(seed, number)
        counts.add(scene, [box_of(answer.body) for answer in service.faces("scene.jpg", scene.jpeg(), model)])
    return counts


def tell(service: Service, model: str, share: float, faces: int, seed: int) -> tuple[float, float]:
    """The part of single faces whose expression is told rightly: through the faces, and by the whole picture."""
    labels = {expression_of(label): label for label in load_catalogue(load_settings().catalogue)[model].emotions}
    by_faces = by_picture = 0
    for scene in _single(labels, share, faces, seed):
        wanted, data = labels[scene.faces[0].expression], scene.jpeg()
        found = service.faces("scene.jpg", data, model)
        by_faces += bool(found) and found[0].body["top_emotion"] == wanted
        by_picture += service.ask("scene.jpg", data, model).body["top_emotion"] == wanted
    return by_faces / faces, by_picture / faces


def _single(labels: dict[str | None, str], share: float, faces: int, seed: int) -> Iterator[Scene]:
    """Scenes with one face that shows an expression the model knows."""
    number = made = 0
    while made < faces:
        scene = draw_scene(seed, number, size=PICTURE, shares=(share,))
        number += 1
        if scene.faces[0].expression in labels:
            made += 1
            yield scene


app = new_app("How well the running service finds drawn faces, and tells their expressions.")


@app.command()
def measure(
    model: Annotated[str, typer.Option(metavar="NAME", help="The model that is asked.")] = "MobileNetV2_FER2013",
    scenes: Annotated[int, typer.Option(min=1, help="Scenes in which faces are looked for.")] = 200,
    empty: Annotated[int, typer.Option(min=0, help="Scenes without people.")] = 100,
    faces: Annotated[int, typer.Option(min=1, help="Single faces whose expressions are told, of each size.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Other seeds, other scenes.")] = 7,
    url: Url = None,
    ca: Authority = None,
    key: Key = None,
) -> int:
    """Draw scenes, ask for their faces, and print what was found."""
    service = Service(url or load_settings().url, ca, key, here=url is None)
    counts = find(service, model, scenes, seed)
    out = Console(highlight=False)
    table = Table("Height of the face", "Faces", "Found", title=f"{scenes} scenes, seed {seed}")
    for size in SIZES:
        table.add_row(f"up to {size:.0%}", str(counts.faces[size]), str(counts.found[size]))
    out.print(table)
    out.print(
        f"Of the faces from {SIZES[0]:.0%} on, {counts.share(SIZES[0]):.1%} are found; {counts.false} false boxes."
    )
    nobody = find(service, model, empty, seed + 2, draw_empty_scene)
    out.print(f"In {empty} scenes without people: {nobody.false} boxes.")
    for share in ALONE:
        by_faces, by_picture = tell(service, model, share, faces, seed + 1)
        right = f"{by_faces:.0%} right through /faces, {by_picture:.0%} through /predict"
        out.print(f"Expression of a single face of {share:.0%}: {right}.")
    return 0


if __name__ == "__main__":
    raise SystemExit(run(app, "python -m scripts.evaluation.scenes"))
