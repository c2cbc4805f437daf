"""What a worker tells the proxy of each answer, in TorchServe's own context."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import numpy as np
import pytest
from abandoned import START_HEADER
from face_answers import ClassifiedFaces, Result
from face_finder import FoundFaces
from face_image import ImageError
from ts.context import Context, RequestProcessor
from worker_metrics import BatchReport

# Not in the order of the alphabet, so that whoever sorts them is found out.
EMOTIONS = ["überrascht", "angry", "happy"]
HAPPY = np.array([0.1, 0.2, 0.7], np.float32)
DAMAGED = ImageError("damaged", 400, "The image is damaged.")


def send(results: list[Result], start: str | None = None) -> list[dict[str, Any]]:
    """The reports of a batch."""
    context = Context("model", ".", {}, 8, None, "0.12.0")
    headers = {} if start is None else {START_HEADER: start}
    context.request_processor = [RequestProcessor(dict(headers)) for _ in results]
    report = BatchReport("1.2")
    report.decoded()
    report.computed()
    report.send(context, results, EMOTIONS, [b"image %d" % place for place in range(len(results))])
    texts = [context.get_response_headers(index)[BatchReport.HEADER] for index in range(len(results))]
    assert all(text.isascii() and text.isprintable() for text in texts)
    return [json.loads(text) for text in texts]


def test_each_answer_has_the_batchs_times_and_its_own_outcome() -> None:
    first, second = send([HAPPY, DAMAGED])
    times = {stage: first.pop(stage) for stage in ("decode", "inference")}
    assert all(0 <= value < 1 for value in times.values())
    digests = [hashlib.sha256(b"image %d" % place).hexdigest()[:16] for place in range(2)]
    assert first == {"batch": 2, "item": 0, "emotion": "happy", "version": "1.2", "image": digests[0]}
    assert second == {"batch": 2, "item": 1, "error": "damaged", "version": "1.2", "image": digests[1], **times}


def test_a_batch_without_a_usable_image_has_no_time_of_inference() -> None:
    (report,) = send([DAMAGED])
    assert set(report) == {"batch", "item", "decode", "error", "version", "image"}


@pytest.mark.parametrize(("crops", "images"), [(0, None), (1, None), (7, 8)])
def test_a_batch_with_several_faces_says_how_many_images_it_had(crops: int, images: int | None) -> None:
    """A picture without a face counts as one."""
    found = FoundFaces((640, 480), (), (), 0, 0.01)
    reports = send([ClassifiedFaces(found, (HAPPY,) * crops), HAPPY])
    assert [report["batch"] for report in reports] == [2, 2]
    assert [report.get("images") for report in reports] == [images, images]


def test_a_label_of_any_script_fits_into_a_header() -> None:
    (report,) = send([np.array([0.7, 0.2, 0.1], np.float32)])
    assert report["emotion"] == "überrascht"


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", range(3))
def test_an_answer_that_is_no_number_is_an_internal_error(place: int, broken: float) -> None:
    probabilities = np.array([0.1, 0.2, 0.7], np.float32)
    probabilities[place] = broken
    (report,) = send([probabilities])
    assert report["error"] == "internal"


def test_the_queue_is_the_time_since_the_proxy_sent_the_request() -> None:
    (report,) = send([HAPPY], f"{time.time() - 1.5:.3f}")
    assert 1.499 <= report["queue"] < 2.5


def test_a_clock_that_is_behind_counts_as_no_wait() -> None:
    (report,) = send([HAPPY], f"{time.time() + 60:.3f}")
    assert report["queue"] == 0


@pytest.mark.parametrize("start", [None, "", "soon", "nan", "inf", "-inf"])
def test_without_a_usable_start_there_is_no_queue(start: str | None) -> None:
    (report,) = send([HAPPY], start)
    assert "queue" not in report
