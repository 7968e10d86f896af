"""LIME: a linear model of what the number does as words are left out."""

import numpy as np

from slmcli.bundle import Bundle
from slmcli.errors import MissingPackageError
from slmcli.explainers.base import Attribution, Explainer, Question

# the defaults of lime.lime_text.LimeTextExplainer: distances are 100 times one less the cosine
_KERNEL_WIDTH, _DISTANCE_SCALE = 25.0, 100.0


class Lime(Explainer):
    """Fit weighted ridge regression to the values of texts without some words.

    Sampling, kernel and regression are those of `lime.lime_text`. Differs: words are left out of the raw text, one by one and not all
    of a kind, and every word gets a weight.
    """

    name = "lime"
    source = "Ribeiro, Singh & Guestrin 2016, section 3"

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        super().__init__(bundle, threads=threads)
        try:
            from lime.lime_base import LimeBase
        except ImportError as error:
            raise MissingPackageError(f"--method lime needs lime ({error}). Install it: pip install slmcli[explain]") from error
        self._library = LimeBase

    def explain(self, question: Question) -> Attribution:
        """Return the coefficients; `fit` is the weighted R² of the regression."""
        is_kept = _draw(question.size, question.samples, np.random.default_rng(question.seed))
        values = question.values(is_kept)
        cosines = np.sqrt(is_kept.mean(axis=1))  # of each row with the first, which is all ones
        base = self._library(_kernel, random_state=question.seed)
        _, found, fit, _ = base.explain_instance_with_data(
            is_kept.astype(np.float64), values[:, None], _DISTANCE_SCALE * (1.0 - cosines), 0, question.size, feature_selection="none"
        )
        weights = np.zeros(question.size)
        for place, weight in found:
            weights[place] = weight
        return Attribution(weights, {"predictions": len(values), "fit": round(float(fit), 4)})


def _draw(words: int, samples: int, generator: np.random.Generator) -> np.ndarray:
    """Return (samples, words) bool: the whole text, then texts without 1 to all words, each number equally likely."""
    ranks = generator.random((samples, words)).argsort(axis=1).argsort(axis=1)
    is_kept = ranks >= generator.integers(1, words + 1, size=(samples, 1))
    is_kept[0] = True
    return is_kept


def _kernel(distances: np.ndarray) -> np.ndarray:
    return np.sqrt(np.exp(-np.square(distances) / _KERNEL_WIDTH**2))
