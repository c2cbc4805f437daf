"""What the proxy's configuration becomes with some settings, without an nginx that runs."""

from __future__ import annotations

from pathlib import Path

from scripts.proxy import rendering
from scripts.settings import Settings, load_settings

# Neither nginx nor anything else reads these.
TLS = {"TLS_CERTIFICATE": "/nowhere/fullchain.pem", "TLS_KEY": "/nowhere/privkey.pem"}


def settings_of(run_dir: Path, **environment: str) -> Settings:
    return load_settings({"RUN_DIR": str(run_dir), **environment})


def rendered(settings: Settings, *, balances: bool = False) -> dict[str, str]:
    """What ``render`` writes, by the file's path below RUN_DIR/nginx."""
    rendering.render(settings, balances=balances)
    directory = settings.run_dir / "nginx"
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*.conf")}
