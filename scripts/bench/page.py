"""docs/performance.md, made from the figures of a run."""

from __future__ import annotations

from typing import Any

from scripts.bench.measure import FINER, SERVERS
from scripts.bench.tables import Table, all_tables
from scripts.bench.targets import targets

_METHOD = """\
The [reference backend](../scripts/bench/reference.py) is what this project replaces: one FastAPI + uvicorn process
with an `async` endpoint, torchvision's transforms and eager torch, all models in its memory. The
[peer](../scripts/bench/peer.py) is what one would write instead today: FastAPI with OpenVINO in one process, a plain
endpoint in the pool of threads, Pillow, an infer request for each thread; without batches, limits, checks, metrics or
upgrades. All run at the same time with the same checkpoints and get the same requests, in turn: {pairs} rounds of
slices of {seconds:g} s a case ({finer} times as many, each as much shorter, for one client; longer where a slice
would hold fewer than {rounds} answers a client), each followed by the pipeline alone. A ratio is taken within a
round; the tables show the median over the rounds, and percentiles over all requests. Everything is warm.
*Pipeline alone* is decoding, shrinking and the network out of the archive, in a process of its own with nothing
around them: for one client one image after the other, computed by all cores; otherwise on all cores at once, each
with batches of 8 images of its own (of one image for the mixed load). In *fewer bits* the archives were quantised
with and compared on drawn faces; one that the gate refuses is named and not measured."""

_GENERATOR = """\
The load generator is one process on one thread: requests lie ready as bytes, answers are only counted. Against an
nginx that answers at once with a body as long as a prediction it makes {rate:,.0f} requests of {size:.0f} kB a second
(p50 {p50:.2f} ms) and spends {cpu_ms:.3f} ms of processor time on each. Under load it used {generator:.1%} of the
machine at most. Everything else on this machine used up to {foreign:.0%} of it during a slice."""

_WHOLE = """\
From `start` to all READY: {stack:.1f} s (reference: {reference:.1f} s, peer: {peer:.1f} s), with the archives built
and the files in the page cache. Memory of the reference: {reference_memory}; of the peer: {peer_memory}; that of the
stack is below. It was measured after each model had answered batches."""

_CHOICES = """\
- **Workers:** one process a model, since one keeps all cores busy already.
- **Threads:** OpenVINO takes one a core and is not pinned: nine workers that were would wait for the same core. One
  image gets all cores, which answers soonest; of a batch each core computes an image of its own, which gets more
  done. The image of one request is shrunk in two halves, those of a batch are decoded one a core.
- **Batches:** up to 8 of what waits, and at most 1 ms for more, the least that an archive can ask for. The convolutions
  compute a batch image by image, with buffers for one image a core. The fully connected layers take the whole batch:
  their time is that of reading the weights.
- **Memory:** the weights of the fully connected layers are read where they lie, in the mapped file. OpenVINO would keep
  a repacked copy of constants, so they are handed over as inputs. The network for one image a core is compiled beside
  the first batch; a worker that never sees one starts sooner and needs less.
- **The JVM** compiles with its fast compiler only and leaves the cores to the workers. It maps its classes from an
  archive that is made once, with the installation, and starts in about half of the processor time.
- **Preprocessing** is Pillow's, whose bytes the answers are compared with."""

_LIMITS = """\
The tables near the end split the time of one client's request, and the processor time of a request at 8 clients.
What is not the network weighs most with the quickest one, MobileNetV2:

- **Decoding and resizing** give byte for byte what Pillow gave in training. An archive in fewer bits may be built with
  `PREPROCESSING=fast`, which takes half of the time or less ([precision](precision.md#fast-preprocessing)).
- **TorchServe** lets a lone request wait 1 ms for others. Without the wait it makes batches of two at most, and 32
  clients get a sixth fewer answers. The rest is the way through some nine threads of three processes, each of which
  sleeps until the one before it wakes it.
- **Idle cores:** at 8 clients about a tenth of the processor time goes unused, while the answers of one batch and the
  images of the next are on their way. A second worker (`scripts/models scale MobileNetV2_FER2013 2`) halves that for
  80 MB, but computes smaller batches: 8 clients gain nothing by it, 32 some 9 %."""

_QUIET = 0.1
_STEADY = 1.25


def page(result: dict[str, Any], name: str) -> str:
    """The page as Markdown; ``name`` is that of its picture and figures, which lie beside it as SVG and JSON."""
    parts = [
        "# Performance",
        f"Made by `python -m scripts.bench report` from the [figures]({name}.json) of one run of `make bench`; "
        "do not edit.",
        _machine(result),
        *([f"**{warning(result)}**"] if warning(result) else []),
        f"![Requests a second and latency of both servers and of the network alone]({name}.svg)",
        "## How it was measured",
        _METHOD.format(**result["options"], finer=FINER),
        _generator(result),
        "## Workers, threads, batches",
        _CHOICES,
        "## What stands between the stack and the network alone",
        _LIMITS,
        "## Start and memory",
        _whole(result),
        *(f"## {table.title}\n\n{markdown(table)}" for table in all_tables(result)),
    ]
    return "\n\n".join(parts) + "\n"


def markdown(table: Table) -> str:
    """A table in Markdown, the first column left-aligned, the others right-aligned."""
    lines = [table.headings, (":--", *["--:"] * (len(table.headings) - 1)), *table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def conclusion(result: dict[str, Any]) -> str:
    """How many targets were reached, and which were not."""
    all_of_them = targets(result)
    missed = [target.title for target in all_of_them if not target.reached]
    reached = f"{len(all_of_them) - len(missed)} of {len(all_of_them)} targets reached"
    return f"{reached}; not: {'; '.join(missed)}." if missed else f"{reached}."


def warning(result: dict[str, Any]) -> str:
    """What to say of a run on a machine that was not all its own, or not of one speed; else empty."""
    messages = []
    foreign = max((slice_["foreign"] for slice_ in _slices(result)), default=0.0)
    if foreign > _QUIET:
        messages.append(
            f"The machine was not quiet: others took up to {foreign:.0%} of it during a slice. The servers are faster "
            "than this, above all the reference, whose threads wait for each other; measure again."
        )
    drift = max((case["pipeline"]["drift"] for case in result["cases"]), default=1.0)
    if drift > _STEADY:
        messages.append(
            f"The machine's own speed drifted: one and the same pipeline took up to {drift:.1f} times as long in one "
            "slice as in another. Ratios hold, being taken side by side; times in milliseconds are those of this run."
        )
    return " ".join(messages)


def _slices(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [case[server] for case in result["cases"] for server in (*SERVERS, "f32") if server in case]


def _machine(result: dict[str, Any]) -> str:
    machine = result["machine"]
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    weights = "Stand-in checkpoints" if result["stand_ins"] else "The real checkpoints"
    return (
        f"Measured on {result['date']}: {machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"{machine['system']}; {versions}. {weights}; float32 where nothing else is said. {conclusion(result)}"
    )


def _generator(result: dict[str, Any]) -> str:
    slices = _slices(result)
    return _GENERATOR.format(
        **{key: result["generator"][key] for key in ("rate", "p50", "cpu_ms")},
        size=result["generator"]["request_bytes"] / 1000,
        generator=max((one["generator"] for one in slices), default=0.0),
        foreign=max((one["foreign"] for one in slices), default=0.0),
    )


def _whole(result: dict[str, Any]) -> str:
    memory = {f"{server}_memory": _memory(result["memory"][server]) for server in SERVERS[1:]}
    return _WHOLE.format(**result["start"], **memory)


def _memory(processes: list[dict[str, Any]]) -> str:
    pss = sum(process["pss"] for process in processes)
    kept = sum(process["anon"] + process["shmem"] for process in processes)
    return f"{pss:,.0f} MB PSS, of which {kept:,.0f} MB cannot be dropped"
