"""A recurrence that is trained for all positions at once, over token vectors."""

from typing import Any, ClassVar  # Any: Keras layers

from pydantic import Field

from slmcli.backbones.base import RecurrentBackbone


class Minrnn(RecurrentBackbone):
    """One or two directions of a recurrence whose gates look at the tokens alone, stacked on request.

    Source: Bradbury et al. 2017, QRNN with fo-pooling. Chosen on validation data (docs/decisions.md) from it, minGRU (Feng et al.
    2024) and SRU (Lei et al. 2018).
    """

    name: ClassVar[str] = "minrnn"

    input_window: int = Field(2, ge=1, description="minrnn: tokens that a gate looks at, its own and those before")

    def recurrent(self, *, is_reversed: bool, name: str) -> Any:
        """Return a layer of one direction."""
        from slmcli.recurrent_layers import MinRnn

        return MinRnn(self.units, window=self.input_window, is_reversed=is_reversed, name=name)
