"""The end of a soak, as tables and sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from scripts.bench.soak.findings import GROWS, TOLERATED_MB_PER_HOUR
from scripts.bench.tables import Table

_MOST_LISTED = 20


def tables(result: Mapping[str, Any]) -> list[Table]:
    """Slopes, sizes and answers."""
    return [_slopes(result), _parts(result), _answers(result)]


def _slopes(result: Mapping[str, Any]) -> Table:
    rows = [
        (
            life["part"],
            f"{life['minutes']:.0f}",
            _from_to(life["kept"]),
            f"{life['slope']['hourly']:+.1f}",
            f"{life['slope']['low']:+.1f} to {life['slope']['high']:+.1f}",
            _from_to(life["descriptors"]),
            _from_to(life["threads"]),
            life["verdict"],
        )
        for life in result["lives"]
    ]
    headings = ("lived to the end", "minutes", "MB", "MB/h", "95 % interval", "descriptors", "threads", "")
    return Table("Memory that cannot be dropped, after the warm-up", headings, rows)


def _parts(result: Mapping[str, Any]) -> Table:
    rows = [
        (part["name"], str(part["processes"]), f"{part['kept']:.0f}", str(part["descriptors"]), str(part["threads"]))
        for part in result["parts"]
    ]
    headings = ("part", "processes", "most MB", "most descriptors", "most threads")
    return Table("The largest process of each part", headings, rows)


def _answers(result: Mapping[str, Any]) -> Table:
    rows = [(*what.rsplit(" ", 1), f"{count:,}") for what, count in result["answers"].items()]
    return Table("Answers", ("request", "status", "number"), rows)


def conclusion(result: Mapping[str, Any]) -> list[str]:
    """What happened, in sentences; the last one says whether the soak was passed."""
    total = sum(result["answers"].values())
    faults = Counter(fault["what"] for fault in result["faults"] if not fault["detail"].startswith("not done"))
    logs = result["logs"] or [(0, 0)]
    times = result["milliseconds"]
    lines = [
        f"{total:,} answers in {result['options']['minutes']:g} minutes, good pictures in {times['p50']:.0f} ms "
        f"(half of them) and {times['p99']:.0f} ms (99 %); {result['left']:,} clients did not wait for theirs.",
        "Done to it: " + (", ".join(f"{what} {count}" for what, count in sorted(faults.items())) or "nothing") + ".",
        f"Connections lost with nginx's workers: {len(result['cut_off'])}.",
        f"Predictions that count as under way at the end: {result['in_flight']:g}.",
        f"Logs: {logs[0][1] / 1e6:.1f} MB, at the end {logs[-1][1] / 1e6:.1f}.",
    ]
    return lines + _judgement(result)


def passed(result: Mapping[str, Any]) -> bool:
    """Whether nothing unexpected happened and no leak is suspected."""
    return not result["problems"] and not _leaks(result)


def _judgement(result: Mapping[str, Any]) -> list[str]:
    found = result["problems"]
    lines = [f"Unexpected: {problem}" for problem in found[:_MOST_LISTED]]
    if len(found) > _MOST_LISTED:
        lines.append(f"… and {len(found) - _MOST_LISTED} more; the JSON file has them all")
    leaks = [
        f"Leak suspected: {life['part']} grows by {life['slope']['hourly']:.1f} MB/h, surely by more than 0 and "
        f"probably by more than the {TOLERATED_MB_PER_HOUR:g} that are tolerated"
        for life in _leaks(result)
    ]
    return [*lines, *leaks, "Passed." if passed(result) else "Not passed."]


def _leaks(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [life for life in result["lives"] if life["verdict"] == GROWS]


def _from_to(pair: tuple[float, float]) -> str:
    return f"{pair[0]:.0f} → {pair[1]:.0f}"
