"""The next token of running text."""

from collections.abc import Sequence

import numpy as np

from slmcli.config import EncodingSettings
from slmcli.fields import TEXT
from slmcli.reading import Example
from slmcli.tasks.base import Task, integers
from slmcli.tokenizers.base import END_ID


class LanguageModel(Task):
    """Predict text that nobody has labelled."""

    name = "language-model"
    description = "running text without labels, for pretraining and generation"
    fields = (TEXT,)
    # documents stay whole; training packs them into windows
    is_cut = False
    tokenizers = ("bpe", "bpe")
    score_names = ("loss", "perplexity", "nats_per_character", "bits_per_character")
    # the main score, and one that is shown beside it
    headline = ("perplexity", "loss")
    # what is generated shall look like what was read: case, signs and line ends stay
    cleaning = ["nfc"]  # noqa: RUF012  (a class constant of the base's type)

    def texts(self, example: Example) -> list[str]:
        """Return the one document."""
        return [example.text]

    def assemble(self, example: Example, streams: Sequence[np.ndarray], encoding: EncodingSettings) -> dict[str, np.ndarray]:
        """Return `token_ids` of the whole document with <eos> behind it."""
        return {"token_ids": np.concatenate([streams[0], integers([END_ID])])}
