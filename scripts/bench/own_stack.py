"""The stack that a part of the benchmark has to itself, and the models that stand for the architectures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scripts.bench.build_time import BUILD
from scripts.bench.servers import Server, project_stack, run_command, stack_environment, stack_settings
from scripts.catalogue import Model
from scripts.settings import Settings


def first_models(models: dict[str, Model]) -> dict[str, Model]:
    """The first model of each architecture, by it; the others compute the same."""
    return {model.architecture: model for model in reversed(models.values())}


@contextmanager
def own_stack(settings: Settings, say: Callable[[str], None]) -> Iterator[Server]:
    """A stack with all archives, in ``RUN_DIR/bench``, for the length of the block. Raises BenchError."""
    directory = settings.run_dir / "bench"
    own = stack_settings(settings, directory / "stack")
    say("Building the archives, unless they are up to date")
    run_command(BUILD, stack_environment(own), directory / "logs" / "build.log")
    say("Starting the stack")
    with project_stack(own, directory / "logs" / "stack.log") as server:
        yield server
