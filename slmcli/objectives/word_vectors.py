"""Vectors of words, by the words that stand near them."""

from typing import Literal

import numpy as np

from slmcli.objectives.base import Objective
from slmcli.token_windows import Window


class SkipGram(Objective):
    """Predict the words around a word; what is learned are vectors of words alone.

    Source: Mikolov et al. 2013, "Distributed representations of words and phrases and their compositionality", section 2.
    """

    name = "skip-gram"
    description = "the words around a word; vectors of words alone are learned"
    is_causal = False
    backbones = ()
    # our choice, by measurement (docs/decisions.md): of vectors that move for a whole batch at once
    learning_rate = 0.05
    direction: Literal["skipgram", "cbow"] = "skipgram"

    def prepare(self, window: Window, generator: np.random.Generator) -> Window:
        """Return the window as it is: words are drawn elsewhere (`word_windows`)."""
        return window


class Cbow(SkipGram):
    """Predict a word from the mean of those around it.

    Source: Mikolov et al. 2013, "Efficient estimation of word representations in vector space", section 3.1.
    """

    name = "cbow"
    description = "a word from those around it; vectors of words alone are learned"
    learning_rate = 0.2
    direction = "cbow"
