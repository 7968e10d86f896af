"""Vectors of words, by the words that stand near them or in the same text."""

from typing import ClassVar, Literal

import numpy as np

from slmcli.objectives.base import Objective
from slmcli.token_windows import Window


class WordVectorObjective(Objective):
    """An objective that learns vectors of words alone."""

    is_causal = False
    backbones = ()
    # numbers in a vector, unless asked for
    embedding: ClassVar[int] = 100
    # whether a word's vector may be made of those of its character n-grams
    has_subwords: ClassVar[bool] = False

    def prepare(self, window: Window, generator: np.random.Generator) -> Window:
        """Return the window as it is: words are drawn elsewhere (`word_windows`, `passages`)."""
        return window


class SkipGram(WordVectorObjective):
    """Predict the words around a word.

    Source: Mikolov et al. 2013, "Distributed representations of words and phrases and their compositionality", section 2.
    """

    name = "skip-gram"
    description = "the words around a word; vectors of words alone are learned"
    # our choice, by measurement (docs/decisions.md): of vectors that move for a whole batch at once
    learning_rate = 0.05
    has_subwords = True
    direction: Literal["skipgram", "cbow"] = "skipgram"


class Cbow(SkipGram):
    """Predict a word from the mean of those around it.

    Source: Mikolov et al. 2013, "Efficient estimation of word representations in vector space", section 3.1.
    """

    name = "cbow"
    description = "a word from those around it; vectors of words alone are learned"
    learning_rate = 0.2
    direction = "cbow"


class FastSent(WordVectorObjective):
    """Predict the words of a passage from those of the one beside it.

    Source: Hill, Cho & Korhonen 2016, "Learning distributed representations of sentences from unlabelled data", section 3.2.2.
    """

    name = "fastsent"
    description = "the words of a passage from those of the one beside it, for classifying by few labels; vectors of words alone are learned"
    learning_rate = 2e-3
    embedding = 256  # our choice, by measurement (docs/decisions.md)
