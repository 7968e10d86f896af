"""What every objective answers: which backbones it trains, and what of a window is to be predicted."""

import abc
from typing import ClassVar

import numpy as np

from slmcli.language_model_config import PretrainSettings
from slmcli.token_windows import Window
from slmcli.tokenizers.base import Tokenizer


class Objective(abc.ABC):
    """What a model learns from running text. Importing one imports no TensorFlow.

    Args:
        settings: What was asked for.
        tokenizer: Whose tokens the windows hold.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    # a token sees only itself and those before it
    is_causal: ClassVar[bool]
    # backbones that can be trained for it; the first is what `auto` means. None: a `WordVectorObjective`
    backbones: ClassVar[tuple[str, ...]]
    # a row holds two passages (`pair_windows`), and what follows what is predicted too
    has_pairs: ClassVar[bool] = False
    # highest learning rate unless another is asked for
    learning_rate: ClassVar[float] = 4e-3

    def __init__(self, settings: PretrainSettings, tokenizer: Tokenizer) -> None:
        self.settings = settings
        self.tokenizer = tokenizer

    @abc.abstractmethod
    def prepare(self, window: Window, generator: np.random.Generator) -> Window:
        """Return what the model reads, what it shall predict, and what of that counts.

        Args:
            window: Token ids, those behind them, and 1 where both are real.
            generator: For what is drawn; the same for the same step of the same run.
        """
