"""SHAP: what each word adds on average when words come one after the other."""

import contextlib
import warnings
from collections.abc import Iterator

import numpy as np

from slmcli.bundle import Bundle
from slmcli.errors import MissingPackageError
from slmcli.explainers.base import Attribution, Explainer, Question

# our choice: all sets of so many words are at most 1,024 texts
_MOST_EXACT = 10
_BATCH = 4096  # the model divides what it is asked about itself


class Shap(Explainer):
    """Compute Shapley values: exactly for a few words, else by permutations, each forth and back (Strumbelj & Kononenko 2014).

    A word that is absent is left out of the raw text. The weights add up to the value of the text less that of the empty text.
    """

    name = "shap"
    source = "Lundberg & Lee 2017, section 3"

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        super().__init__(bundle, threads=threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about what it does to matplotlib
            try:
                from shap import explainers
            except ImportError as error:
                raise MissingPackageError(f"--method shap needs shap ({error}). Install it: pip install slmcli[explain]") from error
        self._library = explainers

    def explain(self, question: Question) -> Attribution:
        """Return the Shapley values; `base` is the value of the empty text."""
        asked = 0

        def values(rows: np.ndarray) -> np.ndarray:
            nonlocal asked
            asked += len(rows)
            return question.values(rows > 0.5)

        present, absent = np.ones((1, question.size)), np.zeros((1, question.size))
        with _global_seed_kept():
            if question.size <= _MOST_EXACT:
                found = self._library.Exact(values, absent)(present, max_evals=2**_MOST_EXACT + 1, batch_size=_BATCH, silent=True)
            else:
                explainer = self._library.Permutation(values, absent, seed=question.seed)
                most = max(question.samples, 2 * question.size + 1)
                found = explainer(present, max_evals=most, batch_size=_BATCH, silent=True)
        facts = {"predictions": asked, "base": float(np.ravel(found.base_values)[0]), "is_exact": question.size <= _MOST_EXACT}
        return Attribution(np.asarray(found.values[0], np.float64), facts)


@contextlib.contextmanager
def _global_seed_kept() -> Iterator[None]:
    """Put NumPy's global generator back afterwards: the library seeds it."""
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)
