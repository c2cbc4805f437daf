"""The faces of an image file, cut out for the classifier. The detector is loaded when it is first asked for."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from cpus import available_cpus
from decoding_options import DecodingOptions
from face_boxes import Face
from face_crop import crop
from face_detector import FaceDetector
from face_image import within_limits
from face_network import FILE, FaceNetwork
from face_request import FacesWish
from image_budget import MemoryBudget
from image_decode import decode
from image_error import ImageError
from image_process import decode_whole_in_process
from image_structure import Picture
from upright_picture import MAX_WORKING_PIXELS, UprightPicture

# For archives whose description names no margin.
DEFAULT_MARGIN: Final = 0.2
# What a picture takes beside itself: one of fewer pixels, if it has to be converted, and what is cut out of it.
_EXTRA_MEMORY: Final = MAX_WORKING_PIXELS * 4 + (8 << 20)


@dataclass(frozen=True)
class FoundFaces:
    """The faces of one picture, the largest first: where they are, and what the classifier takes of them.

    ``size`` is the picture's, in pixels, ``faces`` are in these; ``crops`` are uint8 (224, 224, 3), one for each.
    ``omitted`` counts the faces beyond those asked for; ``seconds`` is what finding them took after decoding.
    """

    size: tuple[int, int]
    faces: tuple[Face, ...]
    crops: tuple[npt.NDArray[np.uint8], ...]
    omitted: int
    seconds: float


class FaceFinder:
    """Finds faces for one worker. ``description`` is the archive's ``model.json``.

    ``environment`` may have ``TURN_FACES``, ``on`` or ``off``. Raises ValueError for other values.
    """

    def __init__(self, model_dir: Path, description: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._file = model_dir / FILE
        self._model = description["model"]
        margin = description.get("face_margin")
        self._margin = float(DEFAULT_MARGIN if margin is None else margin)
        turn = environment.get("TURN_FACES", "on")
        if turn not in ("on", "off"):
            raise ValueError(f"TURN_FACES={turn!r} is unknown; set on or off")
        self._turn = turn == "on"
        self._lock = threading.Lock()
        self._detector: FaceDetector | None = None

    def find(
        self,
        data: bytes | bytearray,
        wish: FacesWish,
        options: DecodingOptions,
        budget: MemoryBudget,
    ) -> FoundFaces:
        """Decode an image file in full, whatever ``JPEG_DECODING`` says, and find its faces.

        Raises ImageError: as ``read_face`` does, or 501 if the archive has no detector.
        """
        detector = self._loaded()

        def found(picture: Picture) -> FoundFaces:
            max_seconds = options["max_seconds"]
            if picture.unbounded:
                upright = decode_whole_in_process(picture, options["max_memory"], max_seconds)
            else:
                upright = UprightPicture(decode(picture, max_seconds), picture.orientation)
            return self._found(detector, upright, wish)

        return within_limits(
            data,
            found,
            max_pixels=options["max_pixels"],
            reduced=False,
            avif=options["avif"],
            max_memory=options["max_memory"],
            budget=budget,
            extra_memory=_EXTRA_MEMORY,
        )

    def _found(self, detector: FaceDetector, picture: UprightPicture, wish: FacesWish) -> FoundFaces:
        start = time.perf_counter()
        faces = detector.find(picture, wish.min_score)
        shown = tuple(faces[: wish.max_faces])
        crops = tuple(crop(picture, face, self._margin, turn=self._turn) for face in shown)
        seconds = round(time.perf_counter() - start, 6)
        return FoundFaces(picture.size, shown, crops, len(faces) - len(shown), seconds)

    def _loaded(self) -> FaceDetector:
        with self._lock:
            if self._detector is None:
                if not self._file.is_file():
                    raise ImageError(
                        "no_detector",
                        501,
                        f"The archive of model {self._model} has no face detector; whoever runs this service adds it "
                        "with 'make face-detector' and 'make archives'.",
                    )
                self._detector = FaceDetector(FaceNetwork(self._file, available_cpus(os.environ)))
            return self._detector
