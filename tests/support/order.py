"""In which order the files of tests come, and which of pytest-xdist's processes gets which of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Set
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from xdist.scheduler import LoadFileScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

TESTS = Path(__file__).parents[1]
# Roughly what a file takes alone on two cores, in seconds; the others take little. It decides nothing but the order.
LONG = {
    "archives/test_changes.py": 25,
    "archives/test_first_build.py": 10,
    "archives/test_interruptions.py": 60,
    "bench/test_run.py": 90,
    "bench/test_servers.py": 7,
    "contract/test_concurrency.py": 41,
    "handlers/test_emotion_handler.py": 6,
    "handlers/test_engine.py": 9,
    "handlers/test_face_image.py": 6,
    "handlers/test_image_bombs.py": 14,
    "handlers/test_image_helpers.py": 13,
    "handlers/test_worker_environment.py": 6,
    "lifecycle/test_restart.py": 79,
    "lifecycle/test_restart_changed.py": 60,
    "lifecycle/test_retirement.py": 79,
    "lifecycle/test_upgrade.py": 60,
    "monitoring/test_alerts.py": 160,
    "proxy/test_form_growth.py": 6,
    "stack/test_stack.py": 60,
}
SECONDS_OF_A_TEST = 0.1


def seconds(path: Path, tests: int) -> float:
    """About how long a file of so many tests takes."""
    return LONG.get(path.relative_to(TESTS).as_posix(), tests * SECONDS_OF_A_TEST)


def put_in_order(items: list[pytest.Item], shared: Set[Path]) -> None:
    """The longest files first; those of ``shared``, which need the stack of the nine models, behind, the longest last.

    What is left at the end, in the middle, is short. See FromBothEnds.
    """
    sizes = Counter(item.path for item in items)
    lengths = {path: seconds(path, count) for path, count in sizes.items()}

    def place(item: pytest.Item) -> tuple[bool, float, str]:
        length = lengths[item.path]
        return (True, length, str(item.path)) if item.path in shared else (False, -length, str(item.path))

    items.sort(key=place)


class FromBothEnds(LoadFileScheduling):
    """One half of the processes takes files from the front, the other from the back.

    So only that other half starts the stack of the nine models, which takes memory and half a minute of a core.
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self.nodes.index(node) % 2 and self.workqueue:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)
