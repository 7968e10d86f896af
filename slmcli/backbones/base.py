"""What every backbone is: settings of a branch of a model, most of which can build it."""

import abc
from typing import Any, ClassVar  # Any: Keras models; Keras is not imported here

from pydantic import Field

from slmcli.config import Settings


class Branch(Settings):
    """Settings of what reads a text; a model may have several side by side. Importing the settings imports no Keras."""

    # the feature of an example that it reads
    reads: ClassVar[str] = "token_ids"
    lacking_formats: ClassVar[tuple[str, ...]] = ()


class Backbone(Branch, abc.ABC):
    """Settings of an architecture that reads tokens in their order. `build` makes the model."""

    embedding: int = Field(64, ge=1, description="width of a token vector; 128 for short texts with several labels unless asked for")
    embedding_dropout: float | None = Field(
        None,
        ge=0.0,
        lt=1.0,
        description="share of the values of token vectors dropped in training [0.6 for a large corpus, 0.5 for a small one, "
        "0.3 for short texts with several labels]",
    )

    @abc.abstractmethod
    def build(self, *, vocabulary_size: int, length: int | None) -> Any:
        """Return a `keras.Model`.

        Inputs: token_ids (batch, length) int32, padding_mask (batch, length) bool, True on real tokens.
        Output: (batch, length, hidden), zeros on padding. More padding on the right changes nothing on real tokens.
        """

    def embed(self, token_ids: Any, padding_mask: Any, *, vocabulary_size: int) -> Any:
        """Return token vectors (batch, length, embedding), zeros on padding, with dropout in training."""
        import keras

        from slmcli.layers import ZeroPadding

        vectors = keras.layers.Embedding(vocabulary_size, self.embedding, name="embedding")(token_ids)
        vectors = keras.layers.Dropout(self.embedding_dropout or 0.0, name="embedding_dropout")(vectors)
        return ZeroPadding(name="embedding_padding")(vectors, padding_mask)
