"""Occlusion: what the number loses when one word is left out."""

import numpy as np

from slmcli.explainers.base import Attribution, Explainer, Question


class Occlusion(Explainer):
    """Leave out one word at a time.

    Differs from the source: whole words in the place of patches of an image, and they are left out, not covered.
    """

    name = "occlusion"
    source = "Zeiler & Fergus 2014, section 4.2"

    def explain(self, question: Question) -> Attribution:
        """Return the value of the text less its value without each word."""
        is_kept = np.concatenate([np.ones((1, question.size), bool), ~np.eye(question.size, dtype=bool)])
        values = question.values(is_kept)
        return Attribution(values[0] - values[1:], {"predictions": len(values)})
