"""A transformer encoder over token vectors."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal  # Any: Keras tensors

from pydantic import Field, model_validator

from slmcli.backbones.base import Backbone


class Transformer(Backbone):
    """Blocks of self-attention and feed-forward layers, normalised before each (pre-norm).

    Source: Vaswani et al. 2017, section 3; normalisation before the layers as Xiong et al. 2020, section 3.2; rotary positions of Su et
    al. 2021; gated feed-forward layers of Shazeer 2020.
    """

    name: ClassVar[str] = "transformer"

    blocks: int = Field(2, ge=1, description="transformer: blocks on top of each other")
    width: int = Field(128, ge=1, description="transformer: values of a hidden vector")
    heads: int = Field(4, ge=1, description="transformer: attention heads; divides width")
    feed_forward: int = Field(256, ge=1, description="transformer: units of a feed-forward layer")
    activation: Literal["gelu", "geglu"] = Field("geglu", description="transformer: of the feed-forward layers; geglu has a gate beside each unit")
    positions: Literal["rotary", "learned", "none"] = Field("rotary", description="transformer: how it knows the order of tokens")
    position_limit: int = Field(1024, ge=1, description="transformer: learned positions; tokens behind them share the last one")
    window: int = Field(0, ge=0, description="transformer: tokens that a token sees on each side; 0: all")
    block_dropout: float = Field(0.1, ge=0.0, lt=1.0, description="transformer: share of the values that a block adds dropped in training")

    @model_validator(mode="after")
    def _heads_divide_width(self) -> "Transformer":
        if self.width % self.heads:
            raise ValueError(f"width ({self.width}) must be a multiple of heads ({self.heads})")
        if self.positions == "rotary" and self.width // self.heads % 2:
            raise ValueError(f"width ({self.width}) / heads ({self.heads}) must be even for rotary positions. Choose others, or --positions learned")
        return self

    def connect(self, token_ids: Any, padding_mask: Any, *, vocabulary_size: int, is_packed: bool = False) -> Any:
        """Return vectors; hidden is width."""
        import keras

        from slmcli.attention import LearnedPositions
        from slmcli.layers import DocumentNumber, ZeroPadding
        from slmcli.transformer_layers import LayerNormalization

        documents = [DocumentNumber(name="documents")(token_ids)] if is_packed else []
        hidden = self.embed(token_ids, padding_mask, vocabulary_size=vocabulary_size)
        if self.embedding != self.width:
            hidden = keras.layers.Dense(self.width, name="widening")(hidden)
        if self.positions == "learned":
            hidden = LearnedPositions(self.position_limit, name="positions")(hidden)
        for block in range(self.blocks):
            hidden = self._block(hidden, [padding_mask, *documents], f"block_{block}")
        hidden = LayerNormalization(name="normalization")(hidden)
        return ZeroPadding(name="padding")(hidden, padding_mask)

    def _block(self, hidden: Any, masks: Sequence[Any], name: str) -> Any:
        """Add to each vector (batch, length, width) what it gathers from others, then what a feed-forward layer makes of it."""
        import keras

        from slmcli.attention import SelfAttention
        from slmcli.transformer_layers import Gelu, LayerNormalization

        normalized = LayerNormalization(name=f"{name}_attention_normalization")(hidden)
        options: dict[str, Any] = {"window": self.window, "is_rotary": self.positions == "rotary", "is_causal": self.causal}
        attention = SelfAttention(self.heads, **options, name=f"{name}_attention")
        gathered = keras.layers.Dropout(self.block_dropout, name=f"{name}_attention_dropout")(attention(normalized, *masks))
        hidden = keras.layers.Add(name=f"{name}_attention_sum")([hidden, gathered])
        normalized = LayerNormalization(name=f"{name}_feed_forward_normalization")(hidden)
        units = Gelu(name=f"{name}_gelu")(keras.layers.Dense(self.feed_forward, name=f"{name}_units")(normalized))
        if self.activation == "geglu":
            gates = keras.layers.Dense(self.feed_forward, name=f"{name}_gates")(normalized)
            units = keras.layers.Multiply(name=f"{name}_gated")([units, gates])
        made = keras.layers.Dense(self.width, name=f"{name}_feed_forward")(units)
        made = keras.layers.Dropout(self.block_dropout, name=f"{name}_feed_forward_dropout")(made)
        return keras.layers.Add(name=f"{name}_feed_forward_sum")([hidden, made])
