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
    "archives/test_answering_otherwise.py": 20,
    "archives/test_changes.py": 25,
    "archives/test_interruptions.py": 60,
    "archives/test_precision.py": 60,
    "archives/test_service.py": 10,
    "archives/test_verification.py": 13,
    "archives/test_versions.py": 12,
    "bench/test_paint.py": 25,
    "bench/test_report.py": 15,
    "bench/test_run.py": 60,
    "bench/test_servers.py": 14,
    "checkpoints/test_forms.py": 14,
    "checkpoints/test_known_faces.py": 25,
    "checkpoints/test_near_misses.py": 12,
    "checkpoints/test_stand_ins.py": 28,
    "checkpoints/test_weights.py": 18,
    "client/test_clients.py": 25,
    "client/test_generated_clients.py": 25,
    "client/test_predict_command.py": 15,
    "contract/test_admission.py": 15,
    "contract/test_bad_archive.py": 60,
    "contract/test_cache.py": 12,
    "contract/test_compare.py": 12,
    "contract/test_concurrency.py": 25,
    "contract/test_deadly_images.py": 45,
    "contract/test_drawn_faces.py": 22,
    "contract/test_ensembles.py": 40,
    "contract/test_faces.py": 45,
    "contract/test_jpeg_decoding.py": 13,
    "contract/test_lazy_loading.py": 23,
    "contract/test_open_inference.py": 15,
    "contract/test_predict.py": 20,
    "contract/test_rate_limit.py": 25,
    "contract/test_recovery.py": 37,
    "contract/test_web_client.py": 11,
    "evaluation/test_command.py": 30,
    "evaluation/test_face_margin.py": 25,
    "images/test_images.py": 300,
    "handlers/test_alone_and_with_others.py": 20,
    "handlers/test_avif.py": 12,
    "handlers/test_emotion_handler.py": 10,
    "handlers/test_engine.py": 16,
    "handlers/test_face_image.py": 12,
    "handlers/test_faces.py": 15,
    "handlers/test_image_bombs.py": 20,
    "handlers/test_image_helpers.py": 20,
    "handlers/test_worker_environment.py": 16,
    "lifecycle/test_apply.py": 25,
    "lifecycle/test_both_doors.py": 20,
    "lifecycle/test_canary.py": 90,
    "lifecycle/test_canary_clients.py": 20,
    "lifecycle/test_management_api.py": 20,
    "lifecycle/test_models_command.py": 35,
    "lifecycle/test_remote_management.py": 24,
    "lifecycle/test_remote_changes.py": 30,
    "lifecycle/test_restart.py": 40,
    "lifecycle/test_restart_changed.py": 30,
    "lifecycle/test_retirement.py": 30,
    "lifecycle/test_signed.py": 24,
    "lifecycle/test_tenth_model.py": 27,
    "lifecycle/test_truth.py": 45,
    "lifecycle/test_unregister.py": 45,
    "lifecycle/test_upgrade.py": 40,
    "monitoring/test_alerts.py": 120,
    "monitoring/test_dashboard.py": 10,
    "monitoring/test_logs.py": 12,
    "monitoring/test_metrics.py": 38,
    "monitoring/test_probes.py": 19,
    "monitoring/test_runbook.py": 30,
    "monitoring/test_tracing.py": 20,
    "nodes/test_commands.py": 25,
    "nodes/test_faults.py": 65,
    "nodes/test_models_of_nodes.py": 150,
    "nodes/test_routing.py": 50,
    "proxy/test_clock.py": 12,
    "proxy/test_config.py": 10,
    "proxy/test_floods.py": 10,
    "proxy/test_form_growth.py": 12,
    "proxy/test_keys.py": 20,
    "proxy/test_trials.py": 25,
    "proxy/test_uploads.py": 50,
    "stack/test_environment.py": 20,
    "stack/test_serve_only.py": 30,
    "stack/test_stack.py": 45,
    "stack/test_supervisor.py": 50,
    "web/test_accessibility.py": 20,
    "web/test_conversion.py": 12,
    "web/test_crop.py": 12,
    "web/test_faces.py": 15,
    "web/test_guide.py": 12,
    "web/test_key.py": 11,
    "web/test_layout.py": 25,
    "web/test_live_faces.py": 16,
    "web/test_new_question.py": 11,
    "web/test_openapi.py": 20,
    "web/test_opening.py": 20,
    "web/test_page.py": 17,
    "web/test_page_states.py": 40,
    "web/test_pictures.py": 18,
    "web/test_sharing.py": 10,
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


class FromBothEnds(LoadFileScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """One half of the processes takes files from the front, the other from the back.

    So only that other half starts the stack of the nine models, which takes memory and half a minute of a core.
    """

    def _assign_work_unit(self, node: WorkerController) -> None:
        if self.nodes.index(node) % 2 and self.workqueue:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)
