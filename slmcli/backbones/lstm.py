"""Long short-term memory over token vectors."""

from typing import Any, ClassVar  # Any: Keras layers

from slmcli.backbones.base import GatedBackbone


class Lstm(GatedBackbone):
    """One or two directions of LSTM, stacked on request.

    Source: Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000, as `keras.layers.LSTM` has it.
    """

    name: ClassVar[str] = "lstm"

    def recurrent(self, *, is_reversed: bool, name: str) -> Any:
        """Return a layer of one direction."""
        from slmcli.recurrent_layers import Lstm as Layer

        return Layer(self.units, weight_dropout=self.weight_dropout, is_reversed=is_reversed, name=name)
