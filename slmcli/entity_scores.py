"""Scores of tagged entities: how many are found whole, of the right type, with both ends where they are."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from slmcli.metrics import divide

ENTITY_SCORES = ("f1", "precision", "recall", "macro_f1")
# of each type, entities that are in both, that are tagged, and that there are
_COLUMNS = 3
_TAG = re.compile(r"([BIESLUMW])-(.+)")
# of BILOU and BMES: the end, the only word, the middle
_PREFIXES = {"L": "E", "U": "S", "W": "S", "M": "I"}

# type, and half-open range of words
Entity = tuple[str, int, int]


def find_entities(tags: Sequence[str]) -> list[Entity]:
    """Return the entities of a sentence, given its tags in BIO, BIOES, BILOU, BMES, IOB1 or IO.

    A tag that goes on (I, E) with nothing of its type before it begins an entity, so that ill-formed tags are entities too: O I-PER is one,
    B-LOC I-PER is two. E and S end one. A tag without such a letter is a type and goes on as I does.
    Source: Tjong Kim Sang & De Meulder 2003, the script conlleval, which seqeval follows unless it is strict.
    """
    entities, kind, start = list[Entity](), "", 0
    for place, tag in enumerate([*tags, "O"]):
        prefix, name = _split(tag)
        goes_on = kind != "" and name == kind and prefix in "IE"
        if kind and not goes_on:
            entities.append((kind, start, place))
        if not goes_on:
            kind, start = name, place
        if kind and prefix in "ES":
            entities.append((kind, start, place + 1))
            kind = ""
    return entities


def _split(tag: str) -> tuple[str, str]:
    """Return the letter of a tag, one of B, I, E and S, and its type; the type of O is empty."""
    if tag in ("O", ""):
        return "O", ""
    found = _TAG.fullmatch(tag)
    return ("I", tag) if found is None else (_PREFIXES.get(found[1], found[1]), found[2])


def entity_types(tags: Sequence[str]) -> list[str]:
    """Return the types that occur in tags, in order."""
    return sorted({name for _, name in map(_split, tags) if name})


def count_entities(tagged: Sequence[Sequence[str]], right: Sequence[Sequence[str]], types: Sequence[str]) -> np.ndarray:
    """Return what the scores are sums of, (examples, 3 * (types + 1)) float64: for each type entities in both, tagged, and right.

    Entities of other types, which nothing right has, come last.

    Args:
        tagged: The tags that are judged, of each example.
        right: The tags that are right.
        types: The types.
    """
    places = {name: place for place, name in enumerate(types)}
    counts = np.zeros((len(tagged), len(types) + 1, _COLUMNS))
    for row, (one, other) in enumerate(zip(tagged, right, strict=True)):
        found, wanted = set(find_entities(one)), set(find_entities(other))
        for column, entities in enumerate((found & wanted, found, wanted)):
            for name, number in Counter(name for name, _, _ in entities).items():
                counts[row, places.get(name, len(types)), column] += number
    return counts.reshape(len(tagged), -1)


def entity_scores(sums: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return precision, recall and F1 of all entities and the mean F1 of the types, given sums of counts.

    Types of which a sample has none, neither tagged nor right, are left out of its mean.

    Args:
        sums: (samples, 3 * (types + 1)), as `count_entities` orders them.

    Returns:
        Each of `ENTITY_SCORES` (samples,), and `precision`, `recall`, `f1` of each type (samples, types).
    """
    cells = sums.reshape(len(sums), -1, _COLUMNS)
    all_types = dict(zip(("precision", "recall", "f1"), _ratios(cells.sum(axis=1)), strict=True))
    own = cells[:, :-1]
    precision, recall, f1 = _ratios(own)
    is_used = own[..., 1:].sum(axis=-1) > 0
    scores = {**all_types, "macro_f1": divide((f1 * is_used).sum(axis=1), is_used.sum(axis=1))}
    return {name: scores[name] for name in ENTITY_SCORES}, {"precision": precision, "recall": recall, "f1": f1}


def _ratios(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    both, tagged, right = np.moveaxis(cells, -1, 0)
    return divide(both, tagged), divide(both, right), divide(2 * both, tagged + right)


def all_are_right(counts: np.ndarray) -> np.ndarray:
    """Return (examples,) bool: whether just the right entities were tagged, given (examples, 3 * (types + 1)) counts."""
    both, tagged, right = np.moveaxis(counts.reshape(len(counts), -1, _COLUMNS), -1, 0)
    return ((both == tagged) & (both == right)).all(axis=1)
