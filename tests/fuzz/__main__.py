"""Command line: ``python -m tests.fuzz [TARGET ...] --cases 100000 --seed 1 --seconds 900``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from scripts.console import while_read
from scripts.settings import ROOT
from tests.fuzz.campaign import Campaign, keep, smaller
from tests.fuzz.target import TARGETS

WORK = ROOT / ".run" / "fuzz"


def main(argv: Sequence[str] | None = None) -> int:
    """Try every target, and write a small file of each kind of fault; 1 if there is any."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"some of {', '.join(TARGETS)}; all by default")
    parser.add_argument("--cases", type=int, default=100_000, help="how many cases a target gets")
    parser.add_argument("--seed", type=int, default=1, help="which cases they are")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="at most so long for each target")
    options = parser.parse_args(argv)
    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"there is no target {', '.join(sorted(unknown))}; give some of {', '.join(TARGETS)}")
    return max(_run(name, options) for name in options.targets or TARGETS)


def _run(name: str, options: argparse.Namespace) -> int:
    start = time.monotonic()
    campaign = Campaign(name, options.seed, WORK / name)
    campaign.run(options.cases, options.seconds)
    seconds = time.monotonic() - start
    print(f"{name}: {campaign.tried} cases in {seconds:.0f} s, {len(campaign.faults)} kinds of faults", flush=True)
    for kind, case in campaign.examples.items():
        small = smaller(case, campaign.still(kind))
        path = keep(name, small)
        print(f"  {campaign.faults[kind]} times {kind}; {path.relative_to(ROOT)} has {len(small)} bytes", flush=True)
    return 1 if campaign.faults else 0


if __name__ == "__main__":
    sys.exit(while_read(main))
