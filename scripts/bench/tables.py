"""The figures of a run as rows of text, for the terminal and for the page alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scripts.bench.images import IMAGES
from scripts.bench.measure import SERVERS
from scripts.bench.targets import find_case, targets
from scripts.precision import EXACT

# Multiply-adds of one 224×224 image in 10⁹, from torchvision's model pages ("GFLOPS" there).
MULTIPLY_ADDS = {"MobileNetV2": 0.30, "ResNet50": 4.09, "VGG19": 19.63}


@dataclass(frozen=True)
class Table:
    """Rows of text under headings; the first column is left-aligned."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def all_tables(result: dict[str, Any]) -> list[Table]:
    """Every table the run has rows for."""
    tables = [target_table(result), delay_table(result), rate_table(result), precision_table(result)]
    tables += [mixed_table(result)]
    tables += [limit_table(result), latency_table(result), cpu_table(result), memory_table(result, "stack")]
    return [table for table in tables if table.rows]


def target_table(result: dict[str, Any]) -> Table:
    """What was promised and what was measured."""
    headings = ("Target", "Measured", "Promised", "Reached")
    return Table("Targets", headings, [target.cells for target in targets(result)])


def delay_table(result: dict[str, Any]) -> Table:
    """Latency of the servers, side by side."""
    headings = ("Stack / reference / peer", "p50 ms", "p95 ms", "p99 ms", "p50 better", "above the pipeline alone")
    return Table("Latency", headings, [_delay_row(case) for case in _exact(result)])


def rate_table(result: dict[str, Any]) -> Table:
    """Throughput of the servers, side by side."""
    headings = (
        "Stack / reference / peer",
        "requests/s",
        "better",
        "of the pipeline alone",
        "CPU ms a request",
        "errors",
    )
    return Table("Throughput", headings, [_rate_row(case) for case in _exact(result)])


def precision_table(result: dict[str, Any]) -> Table:
    """Models in fewer bits beside float32 and the peer in the same bits, and those that the gate refused."""
    headings = ("Stack / peer", "p50 ms", "requests/s", "p50, times float32", "requests/s, times float32")
    rows = [_precision_row(case) for case in result["cases"] if case["precision"] != EXACT]
    rows += [
        (f"{name}, {precision}: not measured, {reason.replace('|', ' ')}", "–", "–", "–", "–", "–")
        for precision, refused in result.get("refused", {}).items()
        for name, reason in refused.items()
    ]
    return Table("Fewer bits", (*headings, "of the pipeline alone"), rows)


def mixed_table(result: dict[str, Any]) -> Table:
    """The mixed load against the sum of its parts: each architecture alone at one client, a third of the requests."""
    alone = [find_case(result, name, 1) for name in MULTIPLY_ADDS]
    rows = []
    for case in _exact(result):
        if case["title"] in MULTIPLY_ADDS or not all(alone):
            continue
        parts = sum(1000 / part["stack"]["rate"] for part in alone if part) / len(alone)
        mixed = 1000 / case["stack"]["rate"]
        rows.append((str(case["clients"]), f"{mixed:.1f} ms", f"{parts:.1f} ms", f"{mixed / parts:.2f}"))
    return Table("Mixed load", ("Clients", "A request", "Sum of its parts", "Ratio"), rows)


def limit_table(result: dict[str, Any]) -> Table:
    """The network alone, and its share of a matrix product's rate."""
    rows = []
    for name, batches in result["limits"]["networks"].items():
        for batch, milliseconds in batches.items():
            gflops = 2 * MULTIPLY_ADDS[name] * int(batch) / milliseconds * 1000
            share = gflops / result["limits"]["gemm"]
            rate = int(batch) * 1000 / milliseconds
            rows.append((name, batch, f"{milliseconds:.1f}", f"{rate:.1f}", f"{gflops:.0f}", f"{share:.0%}"))
    headings = ("Network alone", "Batch", "ms", "images/s", "GFLOP/s", "of the matrix product")
    return Table("The machine's limit", headings, rows)


def latency_table(result: dict[str, Any]) -> Table:
    """Parts of one client's request."""
    return _parts("Where a request's time goes (one client, ms)", result, "latency")


def cpu_table(result: dict[str, Any]) -> Table:
    """Processor time of a request at 8 clients."""
    return _parts("Processor time of a request (8 clients, ms)", result, "cpu")


def memory_table(result: dict[str, Any], server: str) -> Table:
    """Memory by process, largest first, and their sum."""
    processes = sorted(result["memory"][server], key=lambda process: process["pss"], reverse=True)
    rows = [_memory_row(process["name"], [process]) for process in processes]
    headings = (f"Process of the {server}", "PSS", "anonymous", "shared memory", "cannot be dropped")
    return Table(f"Memory of the {server} (MB)", headings, [*rows, _memory_row("all", processes)])


def _delay_row(case: dict[str, Any]) -> tuple[str, ...]:
    compared = case["ratios"]
    above = _number(compared["above_pipeline"], "{:.1f} ms") if case["clients"] == 1 else ""
    delays = [_each(case, key) for key in ("p50", "p95", "p99")]
    return (_title(case), *delays, _better(case, "p50"), above)


def _rate_row(case: dict[str, Any]) -> tuple[str, ...]:
    errors = " / ".join(str(sum(case[server]["errors"].values())) for server in SERVERS)
    share = _number(case["ratios"]["share"], "{:.0%}")
    return (_title(case), _each(case, "rate"), _better(case, "rate"), share, _each(case, "cpu_ms"), errors)


def _precision_row(case: dict[str, Any]) -> tuple[str, ...]:
    compared = case["ratios"]
    values = [" / ".join(_number(case[server][key]) for server in ("stack", "peer")) for key in ("p50", "rate")]
    better = [_number(compared["f32"][key], "{:.2f}×") for key in ("p50", "rate")]
    return (_title(case), *values, *better, _number(compared["share"], "{:.0%}"))


def _exact(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [case for case in result["cases"] if case["precision"] == EXACT]


def _each(case: dict[str, Any], key: str) -> str:
    return " / ".join(_number(case[server][key]) for server in SERVERS)


def _better(case: dict[str, Any], key: str) -> str:
    """How many times better the stack is than each of the others."""
    return " / ".join(_number(case["ratios"][other][key], "{:.2f}×") for other in SERVERS[1:])


def _title(case: dict[str, Any]) -> str:
    image = "" if case["image"] == "frame" else f", {IMAGES[case['image']]}"
    bits = "" if case["precision"] == EXACT else f", {case['precision']}"
    return f"{case['title']}{bits}{image}, {case['clients']} {'client' if case['clients'] == 1 else 'clients'}"


def _parts(title: str, result: dict[str, Any], view: str) -> Table:
    parts = {name: both[view] for name, both in result["breakdown"].items()}
    headings = ("Model", *(next(iter(parts.values())) if parts else ()))
    rows = [(name, *(f"{ms:.2f}" for ms in values.values())) for name, values in parts.items()]
    return Table(title, headings, rows)


def _memory_row(name: str, processes: list[dict[str, Any]]) -> tuple[str, ...]:
    pss, anon, shmem = (sum(process[key] for process in processes) for key in ("pss", "anon", "shmem"))
    return (name, *(f"{value:,.0f}" for value in (pss, anon, shmem, anon + shmem)))


def _number(value: float | None, form: str = "{:.1f}") -> str:
    return "–" if value is None else form.format(value)
