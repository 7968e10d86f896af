"""Which words led a model into its mistakes, for the report of an evaluation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.bundle import Bundle
from slmcli.explained_outputs import choose_output, is_explainable
from slmcli.explainers.base import Question
from slmcli.explainers.occlusion import Occlusion
from slmcli.predictor import Input
from slmcli.whole_words import DividedText, find_words, group

# our choice: as many as a report shows at once
_EXPLAINED = 8
# our choice: neighbouring words of a longer text share a weight, so that the model is asked at most so often about a text
_MOST_WORDS = 200


def explain_mistakes(mistakes: Sequence[Mapping[str, Any]], bundle: Bundle, ask: Callable[[Sequence[Input]], np.ndarray]) -> list[dict[str, Any]]:
    """Return mistakes; the first ones with `words`, each a `word`, where it stands, and its weight for what was predicted, by occlusion.

    Args:
        mistakes: As `worst_mistakes` returns them.
        bundle: The model; one that reads several texts together, or says no number, is left without explanations.
        ask: Returns what the task says of texts, (texts, width) float32.
    """
    names = [field.name for field in bundle.task.fields if not field.is_target]
    if not is_explainable(bundle.task) or len(names) > 1:
        return [dict(mistake) for mistake in mistakes]
    (name,) = names
    explainer = Occlusion(bundle)

    def explained(mistake: Mapping[str, Any]) -> dict[str, Any]:
        text = mistake[name] or ""
        words = group(find_words(text, bundle.tokenizer), most=_MOST_WORDS)
        if not words:
            return dict(mistake)
        output = choose_output(bundle.task, None, ask([text])[0])
        divided = DividedText(text, tuple(words))
        weights = explainer.explain(Question(divided, output, ask, samples=0, seed=0)).weights
        found = [
            {"word": divided.word(place), "start": start, "end": end, "weight": round(float(weight), 6)}
            for place, ((start, end), weight) in enumerate(zip(words, weights, strict=True))
        ]
        return {**mistake, "explained": output.name, "words": found}

    return [*map(explained, mistakes[:_EXPLAINED]), *(dict(mistake) for mistake in mistakes[_EXPLAINED:])]
