"""An explanation in words, for whoever shows it: sentences, and how strongly each word is marked."""

import enum
from collections.abc import Mapping, Sequence
from typing import Any  # Any: an explanation is a JSON document

# our choice: shares of the largest weight of the text
_WEAK, _STRONG = 0.1, 0.5


class Strength(enum.Enum):
    """How a word is marked; its sign says the same without colour."""

    STRONGLY_FOR = "\u207a\u207a"
    FOR = "\u207a"
    NEITHER = ""
    AGAINST = "\u207b"
    STRONGLY_AGAINST = "\u207b\u207b"

    @property
    def sign(self) -> str:
        """What stands behind the word: raised plus and minus signs."""
        return self.value

    @property
    def meaning(self) -> str:
        """What it says of the word."""
        return self.name.lower().replace("_", " ")


def strengths(words: Sequence[Mapping[str, Any]]) -> list[Strength]:
    """Return how each word is marked, by its weight beside the largest one."""
    largest = max((abs(word["weight"]) for word in words), default=0.0)
    return [_strength(word["weight"] / largest) if largest else Strength.NEITHER for word in words]


def _strength(share: float) -> Strength:
    if abs(share) < _WEAK:
        return Strength.NEITHER
    if share > 0:
        return Strength.STRONGLY_FOR if share >= _STRONG else Strength.FOR
    return Strength.STRONGLY_AGAINST if share <= -_STRONG else Strength.AGAINST


def marked_words(text: Mapping[str, Any]) -> list[tuple[str, list[tuple[Mapping[str, Any], Strength]]]]:
    """Return each text of an explanation, one or two that were read together, with its words and how each is marked."""
    marked = list(zip(text["words"], strengths(text["words"]), strict=True))
    names = [name for name in ("text", "text_pair") if name in text]
    return [(text[name], [(word, strength) for word, strength in marked if word.get("field", name) == name]) for name in names]


def strongest(words: Sequence[Mapping[str, Any]], top: int) -> list[Mapping[str, Any]]:
    """Return the words with the largest weights, whatever their sign; those without weight are left out."""
    return sorted((word for word in words if word["weight"]), key=lambda word: -abs(word["weight"]))[:top]


def prediction_sentence(text: Mapping[str, Any]) -> str:
    """Return what the model says, and what is explained of it."""
    if text["kind"] == "score":
        return f"score {text['value']:.4g} (of an empty text {text['value_of_empty_text']:.4g})"
    said = f"{text['explained']} {text['value']:.1%} (of an empty text {text['value_of_empty_text']:.1%})"
    return said if text["is_predicted"] else f"{said}; predicted: {answer(text['prediction'])}"


def answer(prediction: Mapping[str, Any]) -> str:
    """Return a prediction as a person says it."""
    if "labels" in prediction:
        return ", ".join(prediction["labels"]) or "no label"
    return str(prediction.get("label", prediction.get("score")))


def method_sentence(text: Mapping[str, Any], method: str) -> str:
    """Return what the method says of itself; "" when nothing."""
    facts = text["method"]
    if "completeness_error" in facts:
        return f"{method}: the weights add up within {facts['completeness_error']:.2%} of what they explain, after {facts['steps']:,} steps."
    if "fit" in facts:
        return f"{method}: a linear model of {facts['predictions']:,} texts without some words; R² {facts['fit']:.2f}."
    if "predictions" in facts:
        return f"{method}: {facts['predictions']:,} texts without some words were looked at."
    return f"{method}: {facts['about']}" if "about" in facts else ""


def deletion_sentence(text: Mapping[str, Any]) -> str:
    """Return how far the weights are true to the model; "" when that was not measured."""
    found = text["faithfulness"]
    return _compare(found["area_between"], text["kind"], "") if found else ""


def mean_deletion_sentence(result: Mapping[str, Any]) -> str:
    """Return the same of a corpus."""
    area = result["mean_area_between"]
    return "" if area is None else _compare(area, result["kind"], ", on average over the texts,")


def _compare(area: float, kind: str, mean: str) -> str:
    shown = f"{abs(100 * area):.1f} points" if kind == "probability" else f"{abs(area):.3g} of the score"
    if area > 0:
        return f"Left out by weight, words take{mean} {shown} more than in random order: the weights know more than chance."
    return f"Left out by weight, words take{mean} {shown} less than in random order: do not trust these weights."


def exchange_sentences(text: Mapping[str, Any]) -> list[str]:
    """Return which synonyms, and which opinions denied, would change the answer."""
    sentences = []
    for kind, found in text["exchanged"].items():
        if found is not None:
            changes = ", ".join(map(_exchange, found["exchanges"]))
            should = ", though synonyms mean the same" if kind == "synonyms" else ""
            sentences.append(f"With {changes} the answer is {answer(found['prediction'])}{should} ({text['explained']} {found['value']:.1%}).")
    return sentences


def _exchange(exchange: Mapping[str, Any]) -> str:
    part, replacement = (" ".join(exchange[name].split()) for name in ("part", "replacement"))
    if not part:
        return f"“{replacement}” put in"
    return f"“{replacement}” for “{part}”" if replacement else f"“{part}” left out"


def flip_sentence(text: Mapping[str, Any]) -> str:
    """Return what would change the answer; "" when nothing was looked for, or could be."""
    found = text["counterexample"]
    if found is None:
        return "" if not text["searched"] else "No counterexample: leaving out up to half of the words, 50 at most, did not change the answer."
    words = ", ".join(f"“{' '.join(word.split())}”" for word in found["removed"])
    return f"Without {words} the answer is {answer(found['prediction'])} ({text['explained']} {found['value']:.1%})."
