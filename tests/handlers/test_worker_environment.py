"""What a worker reads from its environment, and how TorchServe starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import pytest
from emotion_handler import EmotionHandler

from scripts.settings import ROOT

with warnings.catch_warnings():
    # TorchServe leaves its version file to the garbage collector.
    warnings.simplefilter("ignore", ResourceWarning)
    from ts.model_loader import ModelLoaderFactory
    from ts.service import Service
from tests.handlers.asking import ask, context, photo

HANDLERS = ROOT / "handlers"


@pytest.mark.parametrize("limit", ["", "many", "0", "-5", "1e6"])
def test_a_limit_that_is_no_number_stops_the_worker(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setenv("MAX_PIXELS", limit)
    with pytest.raises(ValueError, match=f"^MAX_PIXELS={limit!r} is not a number of pixels; set one, such as 5"):
        EmotionHandler().initialize(context(model_dir))


def test_the_limit_comes_from_the_environment(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_PIXELS", "307199")
    handler = EmotionHandler()
    handler.initialize(context(model_dir))
    assert [status for status, _, _ in ask(handler, {"body": photo()})] == [413]


@pytest.mark.parametrize("limit", ["", "much", "0", "-5", "0.5"])
def test_a_limit_of_memory_that_is_no_number_stops_the_worker(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setenv("MAX_DECODE_MEMORY", limit)
    with pytest.raises(
        ValueError, match=f"^MAX_DECODE_MEMORY={limit!r} is not a number of megabytes; set one, such as 256$"
    ):
        EmotionHandler().initialize(context(model_dir))


@pytest.mark.parametrize("limit", ["", "long", "0", "-1", "nan", "inf"])
def test_a_limit_of_time_that_is_no_number_stops_the_worker(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setenv("MAX_DECODE_SECONDS", limit)
    with pytest.raises(
        ValueError, match=f"^MAX_DECODE_SECONDS={limit!r} is not a number of seconds; set one, such as "
    ):
        EmotionHandler().initialize(context(model_dir))


def test_the_limits_of_decoding_come_from_the_environment(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_DECODE_MEMORY", "5")
    handler = EmotionHandler()
    handler.initialize(context(model_dir))
    [(status, _, body)] = ask(handler, {"body": photo()})
    assert (status, body["error"][:55]) == (413, "Decoding the JPEG image of 640 x 480 pixels would take ")
    monkeypatch.setenv("MAX_DECODE_MEMORY", "256")
    monkeypatch.setenv("MAX_DECODE_SECONDS", "1e-9")
    handler = EmotionHandler()
    handler.initialize(context(model_dir))
    cut, text = ask(handler, {"body": photo()}, {"body": b"text"})
    assert (cut[0], cut[2]["error"]) == (
        413,
        "Decoding the JPEG image of 640 x 480 pixels takes more than 1e-09 seconds of processor time; "
        "send a smaller image, or save it as a baseline JPEG.",
    )
    assert text[0] == 415


@pytest.mark.parametrize("decoding", ["", "fast", "Exact"])
def test_an_unknown_decoding_stops_the_worker(model_dir: Path, monkeypatch: pytest.MonkeyPatch, decoding: str) -> None:
    monkeypatch.setenv("JPEG_DECODING", decoding)
    with pytest.raises(ValueError, match=f"^JPEG_DECODING={decoding!r} is unknown; set exact or reduced$"):
        EmotionHandler().initialize(context(model_dir))


@pytest.mark.parametrize("level", ["debug", "info"])
def test_log_level_decides_what_is_told_of_a_damaged_image(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, level: str
) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    handler = EmotionHandler()
    handler.initialize(context(model_dir))
    assert ask(handler, {"body": photo()[:500]})[0][0] == 400
    assert any("Pillow cannot decode a JPEG image" in line for line in caplog.messages) == (level == "debug")
    assert any("is answered with 400: damaged" in line for line in caplog.messages)


def test_torchserves_loader_finds_and_initialises_the_handler(model_dir: Path) -> None:
    service = ModelLoaderFactory.get_model_loader().load("m", str(model_dir), "emotion_handler.py", None, 8)
    assert isinstance(service, Service)


WORKER = """
import json, sys
from ts.model_loader import ModelLoaderFactory
from ts.protocol.otf_message_handler import create_predict_response
import ts.model_service_worker
from ts.context import RequestProcessor
service = ModelLoaderFactory.get_model_loader().load("m", sys.argv[1], "emotion_handler.py", None, 8)
context = service.context
context.request_processor = [RequestProcessor({})]
answers = service._entry_point([{"body": open(sys.argv[2], "rb").read()}], context)
create_predict_response(answers, {0: "id"}, "Prediction success", 200, context=context)
heavy = [name for name in ("torch._C", "torchvision", "openvino_telemetry.main") if name in sys.modules]
import torch.nn
print(json.dumps([context.get_response_status(0)[0], heavy, torch.nn.Linear(2, 3).weight.shape[0]]))
"""


@pytest.mark.slow
def test_a_worker_answers_without_loading_torch_and_can_load_it(model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(photo())
    command: Sequence[str | Path] = (sys.executable, "-c", WORKER, model_dir, tmp_path / "photo")
    environment = {**os.environ, "PYTHONPATH": str(HANDLERS)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [200, [], 3]
