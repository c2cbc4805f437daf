"""What /metrics answers, as samples."""

from __future__ import annotations

import re
from collections.abc import Iterator

import requests

from tests.support.polling import poll

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Series = tuple[str, frozenset[tuple[str, str]]]


def settled(url: str, verify: str | None = None) -> Scrape:
    """A scrape that has everything of the predictions that were answered; the last is counted after its answer."""
    return poll(lambda: Scrape(url, verify), lambda scrape: scrape.in_flight() == 0)


class Scrape:
    """The samples of one scrape; ``verify`` is the file of the authority to trust, if it is not one of the usual."""

    def __init__(self, url: str, verify: str | None = None) -> None:
        response = requests.get(f"{url}/metrics", timeout=30, verify=verify)
        assert response.status_code == 200, response.text
        assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        self.text = response.text
        self.samples: dict[Series, float] = dict(self._parse())

    def value(self, name: str, **labels: str) -> float:
        """The value of exactly this series, 0 if there is none."""
        return self.samples.get((name, frozenset(labels.items())), 0)

    def total(self, name: str, **labels: str) -> float:
        """The sum of all series of this metric that have these labels, whatever others they have."""
        given = labels.items()
        return sum(value for (metric, has), value in self.samples.items() if metric == name and given <= has)

    def names(self) -> set[str]:
        """Names of the samples, and of metrics that have none at the moment."""
        return {name for name, _ in self.samples} | set(re.findall(r"^# TYPE (\S+)", self.text, re.MULTILINE))

    def labels(self, label: str) -> set[str]:
        """All values of a label."""
        return {value for _, labels in self.samples for key, value in labels if key == label}

    def in_flight(self) -> float:
        """How many predictions are being answered; a prediction leaves when everything else of it is counted."""
        return sum(value for (name, _), value in self.samples.items() if name == "emotion_predictions_in_flight")

    def _parse(self) -> Iterator[tuple[Series, float]]:
        for line in self.text.splitlines():
            if not line.startswith("#"):
                sample = _SAMPLE.match(line)
                assert sample, line
                yield (sample[1], frozenset(_LABEL.findall(sample[2] or ""))), float(sample[3])
