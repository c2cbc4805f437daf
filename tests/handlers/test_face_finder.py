"""The finder of faces: what it cuts out, what it holds, and which settings it takes."""

from __future__ import annotations

import io
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from decoding_options import decoding_options
from emotion_handler import EmotionHandler
from face_crop import crop
from face_finder import FaceFinder
from face_request import FacesWish
from image_budget import MemoryBudget
from PIL import Image
from upright_picture import UprightPicture

from scripts.archives.detector_network import convert_detector
from scripts.archives.face_detector import fetch
from scripts.pictures.scenes import draw_scene
from scripts.settings import ROOT
from tests.handlers.asking import context
from tests.support.unpacked_archive import unpack


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the detector."""
    folder = tmp_path_factory.mktemp("detector")
    convert_detector(fetch(), folder)
    return folder


@cache
def tilted_face() -> bytes:
    """A drawn scene of one face that leans by more than 20 degrees."""
    scenes = (draw_scene(33, number, size=(640, 480), shares=(0.4,)) for number in range(50))
    return next(scene for scene in scenes if abs(scene.faces[0].tilt) > 20).jpeg()


@pytest.mark.parametrize(
    ("margin", "turn"), [(0.0, "on"), (0.4, "on"), (0.4, "off"), (None, "on")], ids=["tight", "wide", "held", "default"]
)
def test_a_face_is_cut_out_as_the_archive_and_the_setting_say(folder: Path, margin: float | None, turn: str) -> None:
    picture_file, options = tilted_face(), decoding_options({})
    faces = FaceFinder(folder, {"model": "M", "face_margin": margin}, {"TURN_FACES": turn})
    found = faces.find(picture_file, FacesWish(10, 0.5), options, MemoryBudget(options["max_memory"]))
    with Image.open(io.BytesIO(picture_file)) as image:
        picture = UprightPicture(image.convert("RGB"))
    wanted = crop(picture, found.faces[0], 0.2 if margin is None else margin, turn=turn == "on")
    assert np.array_equal(found.crops[0], wanted)


_MEMORY_OF_LOADING = """
import re, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from decoding_options import decoding_options
from emotion_handler import EmotionHandler
from tests.handlers.asking import context
def held():
    return int(re.search(r"Anonymous: +([0-9]+) kB", Path("/proc/self/smaps_rollup").read_text())[1])
handler = EmotionHandler()
handler.initialize(context(Path(sys.argv[2])))
before = held()
handler.finder._loaded()
print(held() - before)
"""


def test_loading_the_detector_leaves_a_worker_little_larger(tmp_path: Path) -> None:
    """In a process of its own: this one has memory to reuse. Without giving back what compiling took, it is 16 MB."""
    unpack(tmp_path, "openvino")
    convert_detector(fetch(), tmp_path)
    command = [sys.executable, "-c", _MEMORY_OF_LOADING, str(ROOT / "handlers"), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert 2_000 < int(done.stdout.splitlines()[-1]) < 13_000, "kB; less, if it was loaded before it was used"


def test_a_wrong_setting_is_refused_when_the_worker_starts(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TURN_FACES", "yes")
    with pytest.raises(ValueError, match="TURN_FACES='yes' is unknown; set on or off"):
        EmotionHandler().initialize(context(model_dir))
