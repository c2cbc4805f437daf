"""A system that has hardly any programs, such as a slim image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.asking import asking, wait_for_answers

if TYPE_CHECKING:
    from tests.support.stacks import StartStack

MODEL = "MobileNetV2_FER2013"


def test_a_model_is_unregistered_under_load(start_stack: StartStack, tmp_path: Path) -> None:
    """TorchServe ends its workers by the program "kill"."""
    with start_stack(LOAD_MODELS=MODEL, PATH=str(tmp_path)) as stack:
        for command in (("scale", MODEL, "2"), ("scale", MODEL, "1"), ("unregister", MODEL)):
            with asking(stack.url, MODEL, 4) as answers:
                wait_for_answers(answers, 2)
                done = stack.command("lifecycle", *command)
            assert done.returncode == 0, done.stderr
