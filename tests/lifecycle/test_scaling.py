"""Changing the number of workers while clients ask."""

from __future__ import annotations

from http import HTTPStatus

from tests.conftest import RunningStack

from .clients import Answer, asking, wait_for_answers
from .site import SERVED


def test_scaling_up_and_down_fails_no_request(stack: RunningStack) -> None:
    """But for the one that TorchServe can lose when it ends a worker that is just taking it (docs/models.md)."""
    refused = refused_while_scaling(stack)
    if [answer.status for answer in refused] == [HTTPStatus.GATEWAY_TIMEOUT]:
        refused = refused_while_scaling(stack)
    assert refused == []


def refused_while_scaling(stack: RunningStack) -> list[Answer]:
    """Scale up and down under load. Returns the answers that were no prediction."""
    with asking(stack.url, SERVED) as answers:
        for workers in ("2", "1", "3", "1"):
            wait_for_answers(answers, 3)
            scaled = stack.command("models", "scale", SERVED, workers)
            assert scaled.returncode == 0, scaled.stderr
        wait_for_answers(answers, 3)
    return [answer for own in answers for answer in own if answer.status != HTTPStatus.OK]
