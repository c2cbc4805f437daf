"""Clients that leave while their prediction is computed cost the others nothing, and leave nothing behind."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import pytest

from tests.monitoring.scrape import settled
from tests.support import images
from tests.support.asking import EVERY
from tests.support.assertions import assert_prediction
from tests.support.client import Client
from tests.support.leaving import leave, proxy_processes
from tests.support.polling import poll
from tests.support.reference import Reference

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

MODEL = "MobileNetV2_FER2013"
LEAVING, BUSY = 150, 4
# Descriptors that may be open for a while: idle connections to TorchServe (32 in each process), logs, questions to it.
IDLE = 2 * 32 + 10


@pytest.mark.parametrize("resets", [True, False], ids=["reset", "closed"])
def test_clients_that_leave_cost_the_others_nothing(
    stack: RunningStack, client: Client, reference: Reference, resets: bool
) -> None:
    done = Event()

    def stay(number: int) -> int:
        """Ask again and again until the others have left; how often."""
        content = images.frame(300 + number)
        expected = reference.probabilities(MODEL, content)
        for count in itertools.count():
            if done.wait(EVERY):
                return count
            assert_prediction(client.predict(content, MODEL), MODEL, expected)
        raise AssertionError

    assert_prediction(client.predict(images.frame(8), MODEL), MODEL, reference.probabilities(MODEL, images.frame(8)))
    before = proxy_processes(stack)
    descriptors = sum(process.num_fds() for process in before)
    with ThreadPoolExecutor(BUSY) as staying:
        answered = [staying.submit(stay, number) for number in range(BUSY)]
        try:
            leave(stack.url, MODEL, images.frame(8), LEAVING, resets=resets)
        finally:
            done.set()
        assert all(future.result() > 0 for future in answered)
    assert settled(stack.url).in_flight() == 0
    assert proxy_processes(stack) == before
    poll(lambda: sum(process.num_fds() for process in before), lambda now: now <= descriptors + IDLE)
