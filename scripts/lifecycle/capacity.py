"""How many workers may run: more than the memory holds would take the machine from all of them."""

from __future__ import annotations

from scripts.errors import UserError
from scripts.memory import max_workers
from scripts.settings import Settings
from scripts.torchserve.management import Management


class CapacityError(UserError):
    """More workers were asked for than may run; nothing was changed."""


def require_room(settings: Settings, management: Management, archive_name: str, version: str, workers: int) -> None:
    """Raise CapacityError if ``workers`` workers of a version, beside those of all others, are too many."""
    states = [state for name in management.names() for state in management.describe(name)]
    # A max_worker above min_worker leaves more than the minimum.
    counts = {(s.archive_name, s.version): max(s.min_workers, len(s.pids)) for s in states}
    others = sum(count for key, count in counts.items() if key != (archive_name, version))
    most = max_workers(settings)
    if workers and others + workers > most:
        raise CapacityError(
            f"{workers} worker(s) of {archive_name}: all models together may have {most} (MAX_WORKERS, by default what "
            f"fits into memory), and the others have {others}; use at most {max(0, most - others)}"
        )
