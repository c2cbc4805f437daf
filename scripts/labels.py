"""Which folder holds which of a model's labels: the one table of synonyms."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# Each emotion with the other words that datasets have for it.
SYNONYMS = {
    "anger": ("angry",),
    "contempt": ("contemptuous",),
    "disgust": ("disgusted",),
    "fear": ("fearful", "afraid", "scared"),
    "happiness": ("happy", "joy", "joyful"),
    "neutral": ("neutrality", "calm"),
    "sadness": ("sad",),
    "surprise": ("surprised",),
}

# The folders 1 to 7 of RAF-DB, in the order of the outputs of the networks trained on it.
RAF_DB_ORDER = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")
# The numbers 0 to 6 in FER2013's CSV file. The networks have their labels in the order of the alphabet instead.
FER2013_CSV_ORDER = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")

# The emotion that each word means.
EMOTIONS = {word: emotion for emotion, words in SYNONYMS.items() for word in (emotion, *words)}
_NUMBERED = {str(number): emotion for number, emotion in enumerate(RAF_DB_ORDER, 1)}


def emotion(word: str) -> str:
    """The emotion a label or a folder's name means, without regard to case; an unknown word stays as it is."""
    plain = word.strip().lower()
    return EMOTIONS.get(plain, plain)


def match(folders: Iterable[str], labels: Sequence[str]) -> dict[str, str]:
    """The model's label for each folder that has one, by the folder's name.

    Folders named 1 to 7 are RAF-DB's. With a 0 among them they are some other dataset's, and none of the numbers match.
    """
    names = list(folders)
    own = {emotion(label): label for label in labels}
    numbered = {} if any(name.isdecimal() and int(name) == 0 for name in names) else _NUMBERED
    meant = {name: emotion(numbered.get(name, name)) for name in names}
    return {name: own[word] for name, word in meant.items() if word in own}


def numbered(folders: Iterable[str]) -> bool:
    """Whether RAF-DB's order decided what some folders mean."""
    return any(name in _NUMBERED for name in folders)


def is_emotion(folder: str) -> bool:
    """Whether a folder is named like the pictures of one emotion, whatever the model can say."""
    return emotion(folder) in SYNONYMS or folder in _NUMBERED
