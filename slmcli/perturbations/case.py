"""Capitals left out, or everywhere."""

import re

import numpy as np

from slmcli.perturbations.base import LETTERS, Perturbation, edit, fixed_spans

_LATIN = re.compile(f"[{LETTERS}]+")


def _lower(text: str, generator: np.random.Generator, share: float) -> str:
    return _LATIN.sub(lambda match: match.group().lower(), text)


def _upper(text: str, generator: np.random.Generator, share: float) -> str:
    """Return the text in capitals but for addresses, mentions, tags and entities, which would mean something else."""
    spans = [*fixed_spans(text), (len(text), len(text))]
    starts = [0, *(end for _, end in spans)]
    return edit(text, [(start, end, _capitals(text[start:end])) for start, (end, _) in zip(starts, spans, strict=False)])


def _capitals(text: str) -> str:
    return _LATIN.sub(lambda match: match.group().upper(), text)


LOWER_CASE = Perturbation("lower_case", "lower case", "no capitals", _lower, ("latin",))
UPPER_CASE = Perturbation("upper_case", "capitals", "capitals only", _upper, ("latin",))
