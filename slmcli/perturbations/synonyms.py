"""Words replaced by others that mean the same."""

import functools
from pathlib import Path

import numpy as np

from slmcli.perturbations.base import WITH_WORDS, Perturbation, Word, choose, edit, match_case, pick, words_of

TABLE = Path(__file__).parent / "synonyms.yaml"


@functools.lru_cache(maxsize=1)
def synonym_groups() -> dict[str, list[list[str]]]:
    """Return the groups of words that mean the same, by language: `en` and `zh`."""
    import yaml

    groups = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return {language: [line.split() for line in lines] for language, lines in groups.items()}


@functools.lru_cache(maxsize=1)
def _others() -> dict[str, list[str]]:
    return {word: [other for other in group if other != word] for groups in synonym_groups().values() for group in groups for word in group}


def _change(text: str, generator: np.random.Generator, share: float) -> str:
    words = words_of(text)
    places = [(place, found) for place in range(len(words)) if (found := _fitting(words, place))]
    chosen = [places[place] for place in pick(len(places), generator, share=share, words=len(words))]
    return edit(text, [(words[place].start, words[place].end, match_case(choose(found, generator), words[place].text)) for place, found in chosen])


def exchanges_of(text: str) -> list[tuple[int, int, str]]:
    """Return every exchange of one word for a synonym: [start, end) in characters, and what takes its place."""
    words = words_of(text)
    return [(word.start, word.end, match_case(other, word.text)) for place, word in enumerate(words) for other in _fitting(words, place)]


def _fitting(words: list[Word], place: int) -> list[str]:
    """Return the synonyms of a word that the article before it allows."""
    word = words[place].text
    found = _others().get(word.lower(), [])
    article = words[place - 1].text.lower() if place else ""
    if article not in ("a", "an"):
        return found
    return [other for other in found if (other[0] in "aeiou") == (word[0].lower() in "aeiou")]


SYNONYMS = Perturbation("synonyms", "synonyms", "words replaced by others that mean the same", _change, WITH_WORDS)
