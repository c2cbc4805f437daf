"""Build the archives in ``model_store/`` from the checkpoints in ``results/``: only what changed, several at a time."""

from __future__ import annotations

import argparse
import signal
import sys

from rich.console import Console

from scripts.archives.build import build_all
from scripts.archives.changes import FIRST_VERSION
from scripts.console import print_error, print_notice
from scripts.errors import INTERRUPTED, REFUSED, UserError
from scripts.settings import RUNTIMES, load_settings


def main(argv: list[str] | None = None) -> int:
    """Pack the checkpoints into archives; only what changed is built. Exit code 1 when one failed."""
    options = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        results = build_all(
            load_settings(),
            Console(),
            names=options.model,
            version=options.archive_version,
            runtime=options.runtime,
            force=options.force,
            jobs=options.jobs,
        )
    except UserError as error:
        print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        print_notice("Interrupted. Finished archives stay, the others are as before.")
        return INTERRUPTED
    return REFUSED if any(result.outcome == "failed" for result in results.values()) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.archives", description=main.__doc__)
    parser.add_argument("--model", action="append", default=[], metavar="NAME", help="only this model; repeatable")
    parser.add_argument("--archive-version", metavar="VERSION", help=f"default: as before, {FIRST_VERSION} at first")
    parser.add_argument("--runtime", choices=RUNTIMES, help="default: the setting RUNTIME, else auto")
    parser.add_argument("--force", action="store_true", help="build also what did not change")
    parser.add_argument("--jobs", type=_positive, metavar="N", help="archives at a time; default: by cores and memory")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
