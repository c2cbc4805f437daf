"""Where the files of a running stack lie, in its run directory and its model store."""

from __future__ import annotations

from pathlib import Path


class RunFolder:
    """Names the files of whoever has a ``run_dir`` and a ``model_store``."""

    run_dir: Path
    model_store: Path

    @property
    def torchserve_dir(self) -> Path:
        """TorchServe's working directory; it writes ``key_file.json`` there."""
        return self.run_dir / "torchserve"

    @property
    def key_file(self) -> Path:
        """TorchServe's tokens; it writes new ones at each start."""
        return self.torchserve_dir / "key_file.json"

    @property
    def management_keys(self) -> Path:
        """Who may use the management API on MANAGEMENT_LISTEN."""
        return self.run_dir / "management_keys.json"

    @property
    def closing_file(self) -> Path:
        """Which models are about to be unregistered (scripts/lifecycle/closing.py)."""
        return self.run_dir / "closing.json"

    @property
    def served_file(self) -> Path:
        """Which versions have served, as far as the model store could not be told (scripts/store/served.py)."""
        return self.run_dir / "served.jsonl"

    @property
    def trials_file(self) -> Path:
        """Which canaries and shadows there are (scripts/lifecycle/trials.py)."""
        return self.run_dir / "trials.json"

    @property
    def trial_outcomes_file(self) -> Path:
        """What the proxy has counted of them, and how they have ended (proxy/njs/poller/trials.js)."""
        return self.run_dir / "trial_outcomes.json"

    @property
    def trials_socket(self) -> Path:
        """Where nginx asks itself to compare a model's versions (proxy/njs/trials/background.js)."""
        return self.run_dir / "nginx" / "trials.sock"

    @property
    def nodes_socket(self) -> Path:
        """Where the nginx of a balancer asks itself to ask its nodes (proxy/njs/nodes/poll.js)."""
        return self.run_dir / "nginx" / "nodes.sock"

    @property
    def registrations_dir(self) -> Path:
        """What other machines want to be registered (scripts/stack/wishes.py)."""
        return self.run_dir / "registrations"

    @property
    def supervision_file(self) -> Path:
        """What the supervisor says of the stack's parts (scripts/stack/supervision.py)."""
        return self.run_dir / "supervisor.json"

    @property
    def log_dir(self) -> Path:
        """Logs of TorchServe and the proxy."""
        return self.run_dir / "logs"

    @property
    def index_file(self) -> Path:
        """What the build says of each model: archive, version, error."""
        return self.model_store / "index.json"
