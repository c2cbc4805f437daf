"""What the supervisor goes by when it brings TorchServe back, here without one."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from rich.console import Console

from scripts.catalogue import CatalogueError
from scripts.files import LockedError, exclusive
from scripts.settings import Settings, load_settings
from scripts.stack import report, restore, supervisor
from scripts.stack.stack import Stack
from scripts.stack.supervisor import Supervisor
from tests.support.polling import poll

MODEL = '{"B": {"architecture": "MobileNetV2", "dataset": "B", "emotions": ["x", "y"]}}'


class Recording(Stack):
    """A stack whose TorchServe is not started; it says for which models it would be, and who may change them then."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, Console(quiet=True))
        self.asked: list[set[str]] = []
        self.changeable: list[bool] = []

    def end_torchserve(self) -> None:
        pass

    def start_torchserve(self, plan: restore.Plan) -> None:
        self._note()

    def register(self, plan: restore.Plan) -> None:
        self._note()

    def _note(self) -> None:
        try:
            with exclusive(self.settings.run_dir):
                self.changeable.append(True)
        except LockedError:
            self.changeable.append(False)


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recording:
    (tmp_path / "models.json").write_text(MODEL)
    made = Recording(load_settings({"RUN_DIR": str(tmp_path), "CATALOGUE": str(tmp_path / "models.json")}))
    made.record_file.write_text("{}")

    def planned(_: Settings, catalogue: dict[str, object], *__: object) -> restore.Plan:
        made.asked.append(set(catalogue))
        return restore.Plan()

    monkeypatch.setattr(restore, "plan_start", planned)
    monkeypatch.setattr(report, "wait", lambda *_: report.Outcome())
    return made


def test_a_catalogue_that_is_half_edited_takes_no_model_away(stack: Recording) -> None:
    announced: list[str] = []
    watching = Supervisor(stack, 1, announced.append)
    stack.settings.catalogue.write_text(MODEL[:40])
    watching._bring_torchserve_back()
    assert stack.asked == [{"B"}]
    assert len(announced) == 1
    assert "models.json" in announced[0]
    assert "the models are those of before" in announced[0]
    stack.settings.catalogue.write_text(MODEL.replace('"B":', '"C":'))
    watching._bring_torchserve_back()
    assert (stack.asked[1:], len(announced)) == ([{"C"}], 1)


def test_a_catalogue_that_was_never_right_is_told(stack: Recording) -> None:
    stack.settings.catalogue.write_text(MODEL[:40])
    with pytest.raises(CatalogueError):
        Supervisor(stack, 1, print)._bring_torchserve_back()


def test_nobody_changes_the_models_while_they_are_brought_back(stack: Recording) -> None:
    Supervisor(stack, 1, print)._bring_torchserve_back()
    assert stack.changeable == [False, False]
    with exclusive(stack.settings.run_dir):
        pass


def test_what_was_changed_before_is_waited_for(stack: Recording) -> None:
    announced: list[str] = []
    bringing = threading.Thread(target=Supervisor(stack, 1, announced.append)._bring_torchserve_back)
    with exclusive(stack.settings.run_dir):
        bringing.start()
        poll(lambda: announced, bool)
        assert stack.asked == []
    bringing.join(20)
    assert ([message.endswith("waiting for its end") for message in announced], stack.asked) == ([True], [{"B"}])


def test_a_change_that_does_not_end_keeps_no_model_away(stack: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "LOCK_SECONDS", 0.2)
    announced: list[str] = []
    with exclusive(stack.settings.run_dir):
        Supervisor(stack, 1, announced.append)._bring_torchserve_back()
    assert announced[1].endswith("the models are brought back meanwhile")
    assert stack.asked == [{"B"}]
