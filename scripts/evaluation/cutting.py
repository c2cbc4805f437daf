"""Faces of labelled pictures, cut out by the worker's own code: one cut for each margin that is tried."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from scripts.archives.detector_network import convert_detector
from scripts.archives.face_detector import detector_file
from scripts.evaluation import EvaluationError
from scripts.evaluation.folder import Picture
from scripts.files import sha256
from scripts.settings import ROOT

if TYPE_CHECKING:
    from face_boxes import Face
    from upright_picture import UprightPicture

MIN_SCORE = 0.5  # as POST /api/v1/faces has it where a form says nothing


class Cutter:
    """Finds the largest face of a picture and cuts it out as ``POST /api/v1/faces`` does."""

    def __init__(self) -> None:
        """Raises EvaluationError where the detector was not fetched."""
        file = detector_file()
        if file is None:
            raise EvaluationError("--fit-margin: the face detector is missing; fetch it with 'make face-detector'")
        handlers = str(ROOT / "handlers")
        if handlers not in sys.path:
            sys.path.append(handlers)
        from face_detector import FaceDetector
        from face_network import FaceNetwork

        with tempfile.TemporaryDirectory() as folder:
            network = convert_detector(file, Path(folder))
            self._detector = FaceDetector(FaceNetwork(network, len(os.sched_getaffinity(0))))

    def faces(self, pictures: Iterable[Picture]) -> dict[str, Face]:
        """The largest face of each picture that has one, by the picture's name."""
        found = {picture.name: self._detector.find(_upright(picture.path), MIN_SCORE) for picture in pictures}
        return {name: faces[0] for name, faces in found.items() if faces}


def cut_out(pictures: Iterable[Picture], faces: dict[str, Face], margin: float, folder: Path) -> Iterator[Picture]:
    """Write the cut of each of the pictures into ``folder``: PNG, 224×224 pixels, which is what the network gets."""
    from face_crop import crop

    for number, picture in enumerate(pictures):
        path = folder / f"{number}.png"
        pixels = crop(_upright(picture.path), faces[picture.name], margin)
        Image.fromarray(pixels).save(path, compress_level=1)
        yield Picture(path, picture.name, picture.label, sha256(path))


def _upright(path: Path) -> UprightPicture:
    from upright_picture import UprightPicture

    with Image.open(path) as image:
        return UprightPicture(ImageOps.exif_transpose(image))
