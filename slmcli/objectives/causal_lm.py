"""The next token, given those before it."""

import numpy as np

from slmcli.objectives.base import Objective
from slmcli.token_windows import Window


class CausalLanguageModel(Objective):
    """Predict each token from those before it; the model can write.

    Source: Bengio et al. 2003, "A neural probabilistic language model", section 2, with recurrences as Mikolov et al. 2010.
    """

    name = "causal-lm"
    description = "the next token, given those before it; the model can write"
    is_causal = True
    backbones = ("lstm", "gru", "minrnn", "conv", "transformer")

    def prepare(self, window: Window, generator: np.random.Generator) -> Window:
        """Return the window as it is."""
        return window
