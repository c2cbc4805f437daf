"""Changing the number of workers while clients ask."""

from __future__ import annotations

from http import HTTPStatus

from tests.support.asking import asking, wait_for_answers
from tests.support.models import SERVED
from tests.support.stacks import RunningStack


def test_scaling_up_and_down_fails_no_request(stack: RunningStack) -> None:
    with asking(stack.url, SERVED) as answers:
        for workers in ("2", "1", "3", "1"):
            wait_for_answers(answers, 3)
            scaled = stack.command("lifecycle", "scale", SERVED, workers)
            assert scaled.returncode == 0, scaled.stderr
        wait_for_answers(answers, 3)
    assert {answer.status for own in answers for answer in own} == {HTTPStatus.OK}
