"""How long the archives take to build: all of them from nothing, and one again after its checkpoint changed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from scripts.bench.servers import run_command, stack_environment
from scripts.catalogue import Model, load_catalogue
from scripts.settings import Settings

BUILD = ["scripts.archives"]


def build_seconds(settings: Settings, directory: Path, log: Path) -> dict[str, float]:
    """Build into ``directory`` (removed afterwards). Returns seconds for ``all`` archives and for ``one``."""
    own = replace(settings, results_dir=directory / "results", model_store=directory / "model_store")
    models = list(load_catalogue(settings.catalogue).values())
    shutil.rmtree(directory, ignore_errors=True)
    try:
        _link_checkpoints(models, settings.results_dir, own.results_dir)
        own.model_store.mkdir()
        everything = run_command(BUILD, stack_environment(own), log)
        _change(own.results_dir / models[0].checkpoint_file)
        return {"all": everything, "one": run_command(BUILD, stack_environment(own), log)}
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _link_checkpoints(models: list[Model], source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for model in models:
        (target / model.checkpoint_file).symlink_to(source / model.checkpoint_file)


def _change(checkpoint: Path) -> None:
    """Put a slightly different checkpoint in the place of a link to one."""
    import torch  # takes seconds, which --help need not wait for

    content = torch.load(checkpoint, weights_only=True)
    tensors = content.get("state_dict", content)
    name = next(name for name in reversed(tensors) if tensors[name].is_floating_point())
    tensors[name] = tensors[name] + 1e-3
    checkpoint.unlink()
    torch.save(content, checkpoint)
