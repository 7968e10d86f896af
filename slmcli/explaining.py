"""Explain what a model says of texts: words with weights, how far they can be trusted, and what would change the answer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any  # Any: an explanation is a JSON document

import numpy as np

from slmcli.bundle import Bundle, open_bundle
from slmcli.config import ExplainSettings
from slmcli.counterexamples import Counterexample, find_counterexample
from slmcli.exchanges import KINDS, Exchanged, find_exchanges
from slmcli.explained_outputs import check_explainable, choose_output
from slmcli.explainers import EXPLAINERS
from slmcli.explainers.base import Attribution, Explainer, Question
from slmcli.faithfulness import measure_deletion
from slmcli.predictor import Input, Predictor
from slmcli.whole_words import DividedText, DividedTexts, find_words, group
from slmcli.word_shares import knows_a_word

FORMAT_VERSION = 1
_EMPTY = "The text holds no word that the model reads; this is what it says of any such text."
_UNKNOWN = "The model knows no word of this text: it says of it what it would say of any unknown words, and the weights mean nothing."


class Explaining:
    """A method for a model, ready for texts.

    Args:
        bundle: The model.
        settings: Method, label, and how much is asked.
    """

    def __init__(self, bundle: Bundle, settings: ExplainSettings) -> None:
        check_explainable(bundle.task, str(bundle.path))
        if settings.label is not None:  # a wrong one is said before a model is loaded
            choose_output(bundle.task, settings.label, np.zeros(bundle.task.width, np.float32))
        self.bundle, self.settings = bundle, settings
        self.explainer: Explainer = EXPLAINERS.load(settings.method)(bundle, threads=settings.threads)
        self._predictor = Predictor(bundle, threads=settings.threads)

    def input_of(self, values: Mapping[str, Any]) -> Input:
        """Return what the model reads of an example's values: a text, or, where it reads several together, texts by name."""
        texts = {field.name: values[field.name] or "" for field in self.bundle.task.fields if not field.is_target}
        return texts if len(texts) > 1 else next(iter(texts.values()))

    def probabilities(self, texts: Sequence[Input]) -> np.ndarray:
        """Return what the task says of texts, (texts, width) float32."""
        return self._predictor.probabilities(texts, batch_size=self.settings.batch_size)

    def ask(self, text: Input) -> Question:
        """Return the question about a text, or about texts that the model reads together."""
        output = choose_output(self.bundle.task, self.settings.label, self.probabilities([text])[0])
        return Question(self._divide(text), output, self.probabilities, self.settings.samples, self.settings.seed)

    def _divide(self, text: Input) -> DividedText | DividedTexts:
        texts = _by_name(text)
        words = {name: find_words(each, self.bundle.tokenizer) for name, each in texts.items()}
        if self.explainer.leaves_words_out:
            size = max(1, self._share(sum(map(len, words.values()))))
            words = {name: group(found, most=max(1, -(-len(found) // size))) for name, found in words.items()}
        parts = {name: DividedText(each, tuple(words[name])) for name, each in texts.items()}
        return DividedTexts(parts) if len(parts) > 1 else next(iter(parts.values()))

    def _share(self, words: int) -> int:
        """Return how many neighbouring words share a weight in a text of so many."""
        return -(-words // self.settings.max_words)

    def explain(self, text: Input) -> dict[str, Any]:
        """Return the explanation of a text, or of texts that the model reads together."""
        question = self.ask(text)
        attribution = self.weigh(question)
        task, output = self.bundle.task, question.output
        texts = _by_name(text)
        said, of_nothing = self.probabilities([texts, dict.fromkeys(texts, "")])
        is_chosen = bool(output.is_chosen(task, said[None])[0])
        is_known = question.size > 0 and any(knows_a_word(each, self.bundle) for each in texts.values())
        searches = self.settings.counterexample and output.label is not None and question.size > 1 and is_known
        found = find_counterexample(question, task, attribution.weights, is_chosen=is_chosen) if searches else None
        exchanged = {kind: find_exchanges(question, task, kind, is_chosen=is_chosen) if searches else None for kind in KINDS}
        return {
            **texts,
            "prediction": task.decode(said),
            "explained": output.name,
            "kind": output.kind,
            "value": _number(output.values(said[None])),
            "value_of_empty_text": _number(output.values(of_nothing[None])),
            "is_predicted": is_chosen if output.label is not None else None,
            "words": _words(question.text, attribution.weights),
            "method": attribution.facts,
            "faithfulness": measure_deletion(question, attribution.weights).to_json() if self.settings.faithfulness and is_known else None,
            "searched": searches,
            "counterexample": self._describe(found, question),
            "exchanged": {kind: self._describe_exchanged(each, question, texts) for kind, each in exchanged.items()},
            "notes": [*self._notes(question, texts, is_known=is_known), *attribution.notes],
        }

    def weigh(self, question: Question) -> Attribution:
        """Return what the method says of a question."""
        return self.explainer.explain(question) if question.size else Attribution(np.zeros(0))

    def _notes(self, question: Question, texts: Mapping[str, str], *, is_known: bool) -> Iterator[str]:
        """Yield what a reader must know about the text."""
        if not question.size:
            yield _EMPTY
            return
        if not is_known:
            yield _UNKNOWN
        words = sum(len(find_words(text, self.bundle.tokenizer)) for text in texts.values())
        if words > question.size:
            have = "The text has" if len(texts) == 1 else "The texts have"
            yield f"{have} {words:,} words: {self._share(words)} neighbouring words share a weight, so that the model is asked less. See --max-words."

    def _describe(self, found: Counterexample | None, question: Question) -> dict[str, Any] | None:
        if found is None:
            return None
        return {
            "removed": [question.text.word(place) for place in found.words],
            "words": found.words,
            **_by_name(found.text),
            **self._answer(found.probabilities, question),
        }

    def _describe_exchanged(self, found: Exchanged | None, question: Question, texts: Mapping[str, str]) -> dict[str, Any] | None:
        if found is None:
            return None
        exchanges = [{**asdict(each), "part": texts[each.field][each.start : each.end]} for each in found.exchanges]
        return {"exchanges": exchanges, **found.texts, **self._answer(found.probabilities, question)}

    def _answer(self, probabilities: np.ndarray, question: Question) -> dict[str, Any]:
        return {"prediction": self.bundle.task.decode(probabilities), "value": _number(question.output.values(probabilities[None]))}


def open_explaining(path: Path, settings: ExplainSettings) -> Explaining:
    """Open the bundle at `path`, or the one inside a run, with the method of the settings.

    Raises:
        ConfigError: The method cannot explain the model, or the model has no such label.
        MissingPackageError: The method's library is not installed.
    """
    return Explaining(open_bundle(path), settings)


def explain_texts(explaining: Explaining, texts: Iterable[Input]) -> dict[str, Any]:
    """Return the explanations of texts in one document."""
    return {**describe(explaining), "texts": [explaining.explain(text) for text in texts]}


def describe(explaining: Explaining) -> dict[str, Any]:
    """Return what is the same for all texts: model, task, method."""
    bundle, explainer = explaining.bundle, explaining.explainer
    return {
        "format_version": FORMAT_VERSION,
        "model": str(bundle.path),
        "task": bundle.task.name,
        "format": bundle.manifest["format"],
        "method": explainer.name,
        "source": explainer.source,
        "seed": explaining.settings.seed,
    }


def _by_name(text: Input) -> dict[str, str]:
    return {"text": text} if isinstance(text, str) else dict(text)


def _words(text: DividedText | DividedTexts, weights: np.ndarray) -> list[dict[str, Any]]:
    names = text.names if isinstance(text, DividedTexts) else None
    return [
        {
            "word": text.word(place),
            **({"field": names[place]} if names else {}),
            "start": start,
            "end": end,
            "weight": round(float(weights[place]), 6),
        }
        for place, (start, end) in enumerate(text.words)
    ]


def _number(values: np.ndarray) -> float:
    return round(float(values[0]), 6)
