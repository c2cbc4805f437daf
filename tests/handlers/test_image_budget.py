"""Images that are decoded at the same time share the memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import image_budget
import pytest
from emotion_handler import EmotionHandler
from image_budget import MemoryBudget
from image_error import ImageError
from PIL import Image

from scripts.settings import ROOT
from tests.handlers.asking import context, photo, truth
from tests.support.images import blank_png

# Eight threads read the same file; prints the bytes that all of them took at most together.
CHILD = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from face_image import read_face
import image_budget
import pytest
from image_budget import MemoryBudget
from image_error import ImageError
def peak():
    [line] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
data = Path(sys.argv[1]).read_bytes()
budget = MemoryBudget(100_000_000)
with ThreadPoolExecutor(8) as threads:
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    faces = list(threads.map(lambda _: read_face(data, budget=budget), range(8)))
assert len(faces) == 8
print(peak() - before)
"""


def test_large_images_are_decoded_one_after_the_other(tmp_path: Path) -> None:
    """Each takes 80 MB, all at once 640. The allocator is set up as in a worker: scripts/torchserve/process.py."""
    file = tmp_path / "large.png"
    Image.new("RGBA", (5000, 4000)).save(file, compress_level=1)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "handlers"), "MALLOC_ARENA_MAX": "2"}
    command = [sys.executable, "-c", CHILD, str(file)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 250_000_000


def test_what_fits_together_is_not_held_up_and_the_rest_waits() -> None:
    budget, third = MemoryBudget(10), threading.Event()

    def take_third() -> None:
        with budget.reserve(5):
            third.set()

    with budget.reserve(4), budget.reserve(6):
        thread = threading.Thread(target=take_third)
        thread.start()
        assert not third.wait(0.2)
    assert third.wait(10)
    thread.join()


def test_one_that_is_alone_need_not_fit() -> None:
    budget = MemoryBudget(10)
    with budget.reserve(11):
        pass
    with budget.reserve(10):
        pass


def test_a_failure_gives_back_what_it_held() -> None:
    budget = MemoryBudget(10)
    try:
        with budget.reserve(10):
            raise ValueError
    except ValueError:
        pass
    with budget.reserve(10):
        pass


def test_a_large_image_is_begun_in_time_or_in_a_later_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_budget, "PATIENCE_SECONDS", 0.2)
    budget = MemoryBudget(80)
    budget.begin_batch()
    with budget.reserve(75):
        with pytest.raises(ImageError) as waited, budget.reserve(11):
            pass
        with budget.reserve(5):  # a small one
            pass
    with pytest.raises(ImageError) as late, budget.reserve(11):
        pass
    assert [(refused.value.status, refused.value.kind) for refused in (waited, late)] == [(425, "deferred")] * 2
    budget.begin_batch()
    with budget.reserve(81):
        pass


def test_the_others_of_its_batch_do_not_wait_for_an_image_that_is_put_off(
    handler: EmotionHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_budget, "PATIENCE_SECONDS", 0.0)
    large = blank_png(7000, 5000)
    asked = context(Path(), 3)
    answers = handler.handle([{"body": large}, {"body": photo(1, "PNG")}, {"body": large}], asked)
    assert [asked.get_response_status(index)[0] for index in range(3)] == [425, 200, 425]
    assert json.loads(answers[1])["predictions"] == pytest.approx(truth(1), abs=1e-4)
    reports = [json.loads(asked.get_response_headers(index)["X-Prediction-Report"]) for index in range(3)]
    assert [report.get("batch") for report in reports] == [None, 1, None]
    assert [report.get("error") for report in reports] == ["deferred", None, "deferred"]
