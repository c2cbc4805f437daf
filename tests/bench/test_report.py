"""Does the report say what was measured?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.bench.__main__ import main
from scripts.bench.page import conclusion, page, warning
from scripts.bench.plot import draw
from scripts.bench.tables import all_tables
from scripts.bench.targets import targets


def test_targets_say_what_was_reached(result: dict[str, Any]) -> None:
    assert {target.cells for target in targets(result)} == {
        ("MobileNetV2, p50 against the pipeline alone", "1.67 times", "≤ 1.50 times", "**no**"),
        ("MobileNetV2, p50 against the reference", "2.00 times", "≥ 1.75 times", "yes"),
        ("MobileNetV2, p50 against the peer", "1.10 times", "≥ 1.00 times", "yes"),
        ("MobileNetV2, 8 clients, share of the pipeline alone", "70%", "≥ 80%", "**no**"),
        ("MobileNetV2, 8 clients, against the reference", "4.00 times", "≥ 3.00 times", "yes"),
        ("MobileNetV2, 8 clients, against the peer", "1.20 times", "≥ 1.00 times", "yes"),
        ("MobileNetV2, 8 clients, p99 / p50", "1.50", "≤ 2.00", "yes"),
        ("MobileNetV2, bf16, p50 against the pipeline alone", "1.67 times", "≤ 1.50 times", "**no**"),
        ("MobileNetV2, bf16, p50 against the peer", "1.10 times", "≥ 1.00 times", "yes"),
        ("MobileNetV2, bf16, 8 clients, share of the pipeline alone", "70%", "≥ 75%", "**no**"),
        ("MobileNetV2, bf16, 8 clients, against the reference", "7.60 times", "≥ 3.80 times", "yes"),
        ("MobileNetV2, bf16, 8 clients, against the peer", "1.20 times", "≥ 1.00 times", "yes"),
        ("MobileNetV2, bf16, 8 clients, p99 / p50", "1.50", "≤ 2.00", "yes"),
        ("errors under load", "0", "≤ 0", "yes"),
        ("largest difference of a probability", "3.0e-06", "≤ 1.0e-04", "yes"),
        ("from start to all READY", "9.8 s", "≤ 12.0 s", "yes"),
        ("memory that cannot be dropped", "2,100 MB", "≤ 3,000 MB", "yes"),
        ("all archives built", "80.0 s", "≤ 90.0 s", "yes"),
        ("one small archive built again", "12.0 s", "≤ 10.0 s", "**no**"),
    }
    assert conclusion(result).startswith("14 of 19 targets reached; not: MobileNetV2, p50 against the pipeline alone; ")
    assert conclusion(result).endswith("; one small archive built again.")


def test_the_report_is_made_from_the_figures_alone(result: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "figures.json").write_text(json.dumps(result))
    command = ["report", str(tmp_path / "figures.json"), "--page", str(tmp_path / "performance.md")]
    assert main(command) == 0
    text, plot = ((tmp_path / f"performance.{suffix}").read_text() for suffix in ("md", "svg"))
    assert text == page(result, "performance")
    assert (
        "| MobileNetV2, 8 clients | 10.0 / 20.0 / 11.0 | 12.0 / 12.0 / 12.0 | 15.0 / 15.0 / 15.0 | 2.00× / 1.10× |  |"
        in text
    )
    assert "| MobileNetV2, bf16, 8 clients | 10.0 / 11.0 | 100.0 / 83.0 | 1.80× | 1.90× | 70% |" in text
    assert "| MobileNetV2, int8: not measured, int8 is refused: accuracy | – |" in text
    for table in all_tables(result):
        assert f"## {table.title}" in text
        assert all(len(row) == len(table.headings) for row in table.rows)
    assert "MobileNetV2, 8 clients" in plot
    draw(result, tmp_path / "again.svg", tmp_path)
    assert (tmp_path / "again.svg").read_text() == plot
    assert json.loads((tmp_path / "performance.json").read_text()) == result


def test_a_run_on_a_busy_machine_says_so(result: dict[str, Any]) -> None:
    assert warning(result) == ""
    result["cases"][0]["reference"]["foreign"] = 0.4
    assert "others took up to 40% of it" in warning(result)
    assert "drifted" not in warning(result)
    result["cases"][0]["pipeline"]["drift"] = 2.5
    assert "took up to 2.5 times as long" in warning(result)
    assert warning(result) in page(result, "plot")


def test_the_command_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    commands = [line.split()[0] for line in shown.partition("Commands:")[2].strip("\n").splitlines()]
    assert commands == ["run", "report", "faces", "overload", "quota", "plan", "page", "soak"]


def test_a_report_without_figures_says_what_it_needs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["report", str(tmp_path / "none.json")]) == 1
    assert "give the JSON file of a run" in capsys.readouterr().err
