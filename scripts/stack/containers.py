"""The two halves of a stack in containers of their own, which share RUN_DIR and their network's addresses.

First ``configure`` renders what nginx will read, since the proxy's image has no Python; then both start in any order.
"""

from __future__ import annotations

import os
import time

from rich.console import Console

from scripts.access.apps import refuse_start_without_keys
from scripts.ensembles import load_ensembles
from scripts.files import exclusive, renewed
from scripts.proxy import certificates, error_log, rendering
from scripts.settings import Settings
from scripts.stack.commands import refuse_unwritable, serve_stack
from scripts.stack.stack import Stack
from scripts.stack.supervision import PartState, Supervision, write_supervision


def configure(settings: Settings, console: Console) -> int:
    """Render the configuration of a proxy in another container (docs/containers.md). Returns 0."""
    refuse_unwritable(settings)
    with exclusive(settings.run_dir):
        refuse_start_without_keys(settings)
        ends_soon = certificates.check_all(settings)
        load_ensembles(settings.catalogue)
        error_log.put_aside(settings)
        path = rendering.render(settings, same_container=False)
    for sentence in ends_soon:
        console.print(sentence, style="yellow", markup=False, soft_wrap=True)
    console.print(f"{path} is ready for the proxy.", markup=False, soft_wrap=True)
    return 0


def torchserve(settings: Settings, console: Console) -> int:
    """Serve the models without a proxy, which another container has (docs/containers.md), until SIGTERM.

    A proxy that runs already, since only this container was started anew, is told at once that TorchServe is coming.
    """
    refuse_unwritable(settings)
    stack = Stack(settings, console, parts=("torchserve",))
    coming = {name: PartState("starting", since=time.time()) for name in stack.parts}
    write_supervision(settings, Supervision(os.getpid(), coming))
    try:
        with renewed(settings.supervision_file):
            return serve_stack(stack)
    finally:
        settings.supervision_file.unlink(missing_ok=True)
