"""Recording rules and alerts on burn rates: how many times faster than allowed an error budget is used up.

The windows and factors are those of https://sre.google/workbook/alerting-on-slos/, method 6, for 30 days. A long window
and a short one must both be over: the long one lets a blip pass, the short one ends the alert soon after the fault.
"""

from __future__ import annotations

from typing import Any, Final

from scripts.monitoring.objectives import Objectives

BURN_RATE: Final = "emotion:slo_burn_rate:"
FAST: Final = ((14.4, "1h", "5m"), (6, "6h", "30m"))
SLOW: Final = ((1, "3d", "6h"),)
WINDOWS: Final = ("5m", "30m", "1h", "6h", "3d")

_REQUESTS = "emotion_http_requests_total"
_DURATION = "emotion_http_request_duration_seconds"
_ROUTE = 'route="/api/v1/predict"'
# One of the others may have many pictures, faces or models: it counts for errors, and not for how long one takes.
_ROUTES = 'route=~"/api/v1/(predict|faces|compare)|/v2/models/.+/infer"'

Rule = dict[str, Any]


def rule_groups(objectives: Objectives) -> dict[str, Any]:
    """The content of a file of rules: https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/."""
    return {
        "groups": [
            {"name": "emotion-slo", "rules": _recorded(objectives)},
            {"name": "emotion-slo-alerts", "rules": _alerts()},
        ]
    }


def _recorded(objectives: Objectives) -> list[Rule]:
    """The burn rate of each objective over each window; 1 uses up the budget in exactly 30 days."""
    longest = max(objectives.seconds.values())
    rules = [_rule("availability", window, _failed(longest, window), objectives.availability) for window in WINDOWS]
    for architecture, seconds in objectives.seconds.items():
        for window in WINDOWS:
            slow = _slow(architecture, seconds, window)
            rules.append(_rule(f"latency of {architecture}", window, slow, objectives.latency))
    return rules


def _rule(name: str, window: str, bad: str, objective: float) -> Rule:
    budget = round(1 - objective, 9)
    return {"record": f"{BURN_RATE}{window}", "expr": f"({bad}) / {budget:g}", "labels": {"slo": name}}


def _failed(seconds: float, window: str) -> str:
    """The part of the predictions that ended with 5xx, or whose clients left after more than ``seconds``.

    With HTTP/1.1 it is not noticed that a client has left: what it asked for ends with 5xx, or with an answer.
    """
    left = _later(f'{_ROUTE}, status_class="499"', seconds, window)
    failed = f'sum by (job) (rate({_REQUESTS}{{{_ROUTES}, status=~"5.."}}[{window}]) or {left})'
    counted = f'sum by (job) (rate({_REQUESTS}{{{_ROUTES}, status!~"4.."}}[{window}]) or {left})'
    return f"({failed} or 0 * {counted}) / {counted}"


def _later(requests: str, seconds: float, window: str) -> str:
    """The rate of those that took more than ``seconds``, for each series."""
    within = f"rate({_DURATION}_bucket{{{requests}, {_bound(seconds)}}}[{window}])"
    return f"rate({_DURATION}_count{{{requests}}}[{window}]) - ignoring (le) {within}"


def _slow(architecture: str, seconds: float, window: str) -> str:
    """The part of the answers of an architecture that took longer."""
    answered = f'{_ROUTE}, model=~"{architecture}_.+", status_class="2xx"'
    quick = f"sum by (job) (rate({_DURATION}_bucket{{{answered}, {_bound(seconds)}}}[{window}]))"
    return f"1 - {quick} / sum by (job) (rate({_DURATION}_count{{{answered}}}[{window}]))"


def _bound(seconds: float) -> str:
    # Prometheus 3 writes whole bounds with a zero behind the point: le="1.0".
    return f'le=~"{seconds:g}|{seconds:g}.0"' if seconds.is_integer() else f'le="{seconds:g}"'


def _alerts() -> list[Rule]:
    return [
        _alert(
            "EmotionErrorBudgetBurnsFast",
            FAST,
            "critical",
            summary="The errors allowed for 30 days are used up in days: {{ $labels.slo }}",
            action="See which model and status it is (dashboard), and treat the alert that fires beside this one.",
        ),
        _alert(
            "EmotionErrorBudgetBurnsSlowly",
            SLOW,
            "warning",
            summary="The errors allowed for 30 days will not suffice: {{ $labels.slo }}",
            action="Look in the log for what the failures of the last days have in common; it is not urgent.",
        ),
    ]


def _alert(name: str, pairs: tuple[tuple[float, str, str], ...], severity: str, *, summary: str, action: str) -> Rule:
    return {
        "alert": name,
        "expr": " or ".join(_both(*pair) for pair in pairs),
        "labels": {"severity": severity},
        "annotations": {
            "summary": summary,
            "meaning": "Predictions fail or are slow {{ $value | humanize }} times as often as slo.yml allows.",
            "action": action,
            "runbook_url": f"docs/runbook.md#{name.lower()}",
        },
    }


def _both(factor: float, long: str, short: str) -> str:
    return f"({BURN_RATE}{long} > {factor:g} and {BURN_RATE}{short} > {factor:g})"
