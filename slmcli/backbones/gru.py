"""Gated recurrent units over token vectors."""

from typing import Any, ClassVar  # Any: Keras layers

from slmcli.backbones.base import GatedBackbone


class Gru(GatedBackbone):
    """One or two directions of GRU, stacked on request.

    Source: Cho et al. 2014, with the reset gate after the product, as `keras.layers.GRU` has it.
    """

    name: ClassVar[str] = "gru"

    def recurrent(self, *, is_reversed: bool, name: str) -> Any:
        """Return a layer of one direction."""
        from slmcli.recurrent_layers import Gru as Layer

        return Layer(self.units, weight_dropout=self.weight_dropout, is_reversed=is_reversed, name=name)
