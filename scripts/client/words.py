"""How emotions and probabilities look in the terminal."""

from __future__ import annotations

from scripts.labels import emotion

# The datasets spell the same emotions differently; the colour follows the emotion.
COLOURS = {
    "anger": "red",
    "contempt": "magenta",
    "disgust": "green",
    "fear": "bright_magenta",
    "happiness": "yellow",
    "neutral": "white",
    "sadness": "blue",
    "surprise": "cyan",
}


def colour(label: str) -> str:
    """The colour of a label, however its dataset spells it."""
    return COLOURS.get(emotion(label), "white")


def percent(probability: float) -> str:
    """As the page writes it: ``52.4 %``."""
    return f"{100 * probability:.1f} %"
