"""How many nodes a rate of requests needs, from the figures of a run: a model of what each part can do.

All of it is proportion: a request costs a node so many core-seconds, bytes of network and, once for each model, memory.
What queues, fails or bursts is left to ``utilisation``, the part of a node's cores that is planned with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.bench.measure import BATCH
from scripts.bench.tables import Table
from scripts.bench.targets import find_case
from scripts.catalogue import ARCHITECTURES
from scripts.errors import UserError
from scripts.precision import EXACT

RATES = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
# Of an answer with its headers, in bytes: what `curl -i` prints of one.
_ANSWER = 900


class CapacityError(UserError):
    """The figures do not say what is asked; the message names what is missing."""


@dataclass(frozen=True)
class Node:
    """What a node has: ``cores``, ``memory`` in GB, ``network`` in Gbit/s each way, ``price`` an hour, any currency."""

    cores: int
    memory: float
    network: float
    price: float | None = None


@dataclass(frozen=True)
class Costs:
    """What a mean request of a mix costs: ``core_seconds`` of a whole node, ``proxy`` ms of processor time, ``bytes``
    in and out together; ``memory`` in GB is what the models and all else on a node hold."""

    core_seconds: float
    proxy: float
    bytes: float
    memory: float


@dataclass(frozen=True)
class Need:
    """What a rate needs. ``limit`` is what a node runs out of first, ``per_node`` its requests a second."""

    rate: float
    nodes: int
    per_node: float
    limit: str
    balancers: int
    gigabits: float


def costs(result: dict[str, Any], mix: Mapping[str, float], precision: str = EXACT) -> Costs:
    """The mean request of ``mix``, architectures by weight, in the figures of a run.

    Raises CapacityError if an architecture was not measured in that precision.
    """
    total = sum(mix.values())
    cores = int(result["machine"]["cores"])
    seconds = proxy = 0.0
    for name, weight in mix.items():
        case = find_case(result, name, BATCH, precision=precision)
        if case is None or name not in result["breakdown"]:
            raise CapacityError(f"{name} in {precision} with {BATCH} clients is not among the figures; run make bench")
        seconds += weight / total * cores / float(case["stack"]["rate"])
        proxy += weight / total * float(result["breakdown"][name]["cpu"].get("proxy", 0.0))
    held = [process for process in result["memory"]["stack"] if _serves(str(process["name"]), mix)]
    memory = sum(float(process["pss"]) for process in held) / 1000
    return Costs(seconds, proxy, float(result["generator"]["request_bytes"]) + _ANSWER, memory)


def _serves(process: str, mix: Mapping[str, float]) -> bool:
    """Whether a process is needed: the workers of the mix, and all that is no worker."""
    return not process.startswith("worker ") or any(process.startswith(f"worker {name}_") for name in mix)


def need(rate: float, cost: Costs, node: Node, utilisation: float) -> Need:
    """Nodes and balancers for ``rate`` requests a second, with ``utilisation`` of each one's cores and network.

    There is always one node more than the rate takes, so that one may be away. Raises CapacityError if the models do
    not fit into a node.
    """
    if cost.memory > node.memory:
        raise CapacityError(
            f"the models hold {cost.memory:.1f} GB and a node has {node.memory:g}; give each architecture nodes of its "
            "own (--mix), fewer bits (--precision) or more memory"
        )
    limits = {
        "cores": node.cores * utilisation / cost.core_seconds,
        "network": node.network * 1e9 / 8 * utilisation / cost.bytes,
    }
    limit = min(limits, key=lambda name: limits[name])
    nodes = math.ceil(rate / limits[limit]) + 1
    computed = node.cores * 1000 * utilisation / cost.proxy if cost.proxy else math.inf
    # All that comes in goes out again to a node, and the other way round: each direction has what a node has in one.
    balancers = math.ceil(rate / min(limits["network"], computed)) + 1
    return Need(rate, nodes, limits[limit], limit, balancers, rate * cost.bytes * 8 / 1e9)


def checked(result: dict[str, Any]) -> list[str]:
    """What the model says of the run's own machine beside what was measured there, for the load of all models."""
    mixed = find_case(result, "all models", BATCH)
    if mixed is None:
        return []
    cost = costs(result, dict.fromkeys(ARCHITECTURES, 1.0))
    said, measured = int(result["machine"]["cores"]) / cost.core_seconds, float(mixed["stack"]["rate"])
    return [
        f"Check: of the machine of the figures it says {said:.1f} requests a second, spread over all models; "
        f"{measured:.1f} were measured ({said / measured - 1:+.0%})."
    ]


def capacity_table(needs: Sequence[Need], node: Node) -> Table:
    """A row for each rate."""
    headings: tuple[str, ...] = ("Requests/s", "Nodes", "Each takes", "Runs out of", "Balancers", "Gbit/s")
    if node.price is not None:
        headings += ("An hour", "A million")
    return Table("Capacity", headings, [_row(one, node) for one in needs])


def _row(one: Need, node: Node) -> tuple[str, ...]:
    each, network = f"{one.per_node:,.1f}/s", f"{one.gigabits:,.3g}"
    cells = (f"{one.rate:,.0f}", f"{one.nodes:,}", each, one.limit, f"{one.balancers:,}", network)
    if node.price is None:
        return cells
    hourly = (one.nodes + one.balancers) * node.price
    return (*cells, f"{hourly:,.2f}", f"{hourly / (one.rate * 3600) * 1e6:,.2f}")
