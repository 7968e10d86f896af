"""What every objective answers: which backbones it trains, and what of a window is to be predicted."""

import abc
from typing import ClassVar

import numpy as np

from slmcli.token_windows import Window


class Objective(abc.ABC):
    """What a model learns from running text. Importing one imports no TensorFlow."""

    name: ClassVar[str]
    description: ClassVar[str]
    # a token sees only itself and those before it
    is_causal: ClassVar[bool]
    # backbones that can be trained for it
    backbones: ClassVar[tuple[str, ...]]

    @abc.abstractmethod
    def prepare(self, window: Window, *, vocabulary_size: int, generator: np.random.Generator) -> Window:
        """Return what the model reads, what it shall predict, and what of that counts.

        Args:
            window: Token ids, those behind them, and 1 where both are real.
            vocabulary_size: Entries of the vocabulary.
            generator: For what is drawn; the same for the same step of the same run.
        """
