"""The figures in the terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from scripts.evaluation.claim import verdict
from scripts.evaluation.wording import counted, enumerated, estimate, percent, pvalue, score


def show(result: dict[str, Any], report: Path, console: Console) -> None:
    """Print the headline, the labels, the warnings and where the report is."""
    model, pictures = result["model"], result["pictures"]
    version = f" {model['version']}" if model["version"] else ""
    seen = counted(pictures["answered"], "picture")
    _say(console, f"{model['name']}{version} on {result['data']['name']}: {seen}", "bold")
    _say(console, f"  accuracy     {estimate(result['accuracy'])}")
    _say(console, f"  macro-F1     {estimate(result['macro_f1'])}")
    _say(console, f"  mean recall  {estimate(result['mean_recall'])}")
    console.print(_classes(result["classes"]))
    calibration, latency = result["calibration"], result["latency"]
    _say(console, f"Calibration error {percent(calibration['ece'])}, negative log-likelihood {calibration['nll']:.3f}")
    if result["temperature"]:
        _temperature(result["temperature"], console)
    if result["face_margin"]:
        _face_margin(result["face_margin"], console)
    _say(
        console,
        f"Latency {latency['p50']:.0f} ms (p95 {latency['p95']:.0f}), {latency['clients']} at a time",
    )
    if pictures["unreadable"]:
        _say(console, f"{counted(len(pictures['unreadable']), 'unreadable file')}:", "yellow")
        for one in pictures["unreadable"]:
            _say(console, f"  {one['file']}: {one['reason']}")
    if result["ensemble"]:
        _ensemble(result["ensemble"], console)
    if result["against"]:
        _against(result["against"], console)
    for warning in result["warnings"]:
        _say(console, f"{warning['about']}: {warning['text']}", "yellow")
    claim = result["claim"]
    _say(console, verdict(claim), "red" if claim and not claim["reached"] else "green")
    _say(console, f"Report: {report.with_suffix('.html')}\nFigures: {report.with_suffix('.json')}")


def show_matrix(rows: Sequence[Sequence[str]], report: Path, console: Console) -> None:
    """Print the table of all models; its first row are the headings."""
    table = Table(box=None, pad_edge=False)
    for heading in rows[0]:
        table.add_column(heading)
    for row in rows[1:]:
        table.add_row(*row)
    console.print(table)
    _say(console, f"Report: {report.with_suffix('.html')}\nFigures: {report.with_suffix('.json')}")


def _temperature(fitted: dict[str, Any], console: Console) -> None:
    before, after = fitted["before"], fitted["after"]
    _say(console, f"Temperature {fitted['temperature']:g}, fitted on {counted(fitted['fitted_on'], 'picture')}")
    _say(
        console,
        f"  on {fitted['held_out']:,} others: negative log-likelihood {before['nll']:.3f} before, {after['nll']:.3f} "
        f"after; calibration error {percent(before['ece'])} before, {percent(after['ece'])} after",
    )


def _face_margin(fitted: dict[str, Any], console: Console) -> None:
    before, after = fitted["before"], fitted["after"]
    _say(
        console,
        f"Margin {fitted['margin']:g} around a face, chosen on {counted(fitted['fitted_on'], 'picture')}; "
        f"{fitted['without_face']:,} more have no face",
    )
    table = Table(box=None, pad_edge=False)
    for heading in ("margin", "accuracy", "negative log-likelihood"):
        table.add_column(heading, justify="right")
    for one in fitted["tried"]:
        table.add_row(f"{one['margin']:g}", percent(one["accuracy"]), f"{one['nll']:.3f}")
    console.print(table)
    _say(
        console,
        f"  on {fitted['held_out']:,} others: accuracy {percent(before['accuracy'])} with {fitted['served']:g}, "
        f"{percent(after['accuracy'])} with {fitted['margin']:g}; negative log-likelihood {before['nll']:.3f} and "
        f"{after['nll']:.3f}",
    )


def _classes(classes: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for heading in ("label", "precision", "recall", "F1", "pictures", "predicted"):
        table.add_column(heading, justify="left" if heading == "label" else "right")
    for one in classes:
        recall = estimate(one["recall"])
        counts = (f"{one['support']:,}", f"{one['predicted']:,}")
        table.add_row(one["label"], percent(one["precision"]), recall, score(one["f1"]), *counts)
    return table


def _against(against: dict[str, Any], console: Console) -> None:
    _say(console, f"Against {against['other']} on {counted(against['pictures'], 'picture')}", "bold")
    _say(console, f"  agreement    {estimate(against['agreement'])}")
    _say(console, f"  its accuracy {estimate(against['other_accuracy'])}")
    _say(
        console,
        f"  only one is right: this one {against['only_this_right']:,} times, the other "
        f"{against['only_other_right']:,} times; McNemar's p {pvalue(against['mcnemar_p'])}",
    )


def _ensemble(found: dict[str, Any], console: Console) -> None:
    _say(console, "Its members on the same pictures", "bold")
    for member in found["members"]:
        _say(console, f"  {member['name']}, weight {member['weight']:.3f}: {estimate(member['accuracy'])}")
    gain = found["gain"]
    points = 100 * (gain["accuracy"]["value"] - gain["other_accuracy"]["value"])
    _say(
        console,
        f"  {points:+.1f} points against the best, {found['best']}; only one is right: the ensemble "
        f"{gain['only_this_right']:,} times, {found['best']} {gain['only_other_right']:,} times; "
        f"McNemar's p {pvalue(gain['mcnemar_p'])}",
    )
    if found["fitted"]:
        _fitted(found["fitted"], console)


def _fitted(fitted: dict[str, Any], console: Console) -> None:
    _say(console, f"Weights for {counted(fitted['pictures'], 'picture')} like these", "bold")
    for words, worth in (("with the present ones", fitted["before"]), ("with fitted ones", fitted["fitted"])):
        nll = f"negative log-likelihood {worth['nll']:.3f}"
        _say(console, f"  {words:<22} accuracy {estimate(worth['accuracy'])}, {nll}")
    _say(console, f"  (judged on other pictures than fitted on, in {fitted['folds']} parts)")
    _say(console, f'  "weights": {json.dumps(fitted["weights"])}', "green")
    if fitted["negligible"]:
        _say(console, f"  leave out {enumerated(fitted['negligible'])}, which add nothing here", "yellow")


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
