"""Build language models over a backbone: one that scores the next token, and one that says what its predictions cost."""

from dataclasses import dataclass
from typing import Any  # Any: Keras models

from slmcli.backbones.base import Backbone
from slmcli.language_model_config import PretrainSettings
from slmcli.runtime import quiet_stderr


@dataclass(frozen=True)
class LanguageModels:
    """Two models with the same weights.

    Attributes:
        scoring: From token_ids (batch, length) int32 to scores (batch, length, vocab) float32 of the token behind each.
        training: From those and `targets` (batch, length) int32, as a dict, to costs (batch, length) float32 in nats.
    """

    scoring: Any
    training: Any


def build_language_models(
    backbone: Backbone, settings: PretrainSettings, *, vocabulary_size: int, precision: str, is_packed: bool, has_pairs: bool = False
) -> LanguageModels:
    """Return both models, computing in the dtype policy `precision`.

    Args:
        backbone: A causal one.
        settings: `dropout` before the prediction, `tie_embedding`, `sampled`, `seed`.
        vocabulary_size: Entries of the vocabulary.
        precision: Keras dtype policy.
        is_packed: Whether a row holds several documents.
        has_pairs: Whether a row holds two passages, of which the first target says whether they follow each other.
    """
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        with quiet_stderr():
            return _connect(backbone, settings, vocabulary_size, is_packed=is_packed, has_pairs=has_pairs)
    finally:
        keras.config.set_dtype_policy(before)


def _connect(backbone: Backbone, settings: PretrainSettings, vocabulary_size: int, *, is_packed: bool, has_pairs: bool) -> LanguageModels:
    import keras

    from slmcli.layers import PaddingMask
    from slmcli.prediction_layers import NextSentenceLoss, TokenBias, TokenLoss

    token_ids = keras.Input((None,), dtype="int32", name="token_ids")
    targets = keras.Input((None,), dtype="int32", name="targets")
    padding_mask = PaddingMask(name="padding_mask")(token_ids)
    hidden = backbone.connect(token_ids, padding_mask, vocabulary_size=vocabulary_size, is_packed=is_packed)
    hidden = read = keras.layers.Dropout(settings.dropout, name="prediction_dropout")(hidden)
    bias = TokenBias(name="token_bias", dtype="float32")
    if settings.tie_embedding:
        embedding = embedding_of(keras.Model(token_ids, hidden))
        if hidden.shape[-1] != embedding.output_dim:
            hidden = keras.layers.Dense(embedding.output_dim, name="prediction")(hidden)
        predicting, scores = embedding, bias(embedding(hidden, is_reversed=True))
    else:
        predicting = keras.layers.Dense(vocabulary_size, use_bias=False, name="token_scores")
        scores = bias(predicting(hidden))
    costs = TokenLoss(predicting, bias, sampled=settings.sampled or 0, seed=settings.seed, name="costs")(hidden, targets)
    if has_pairs:
        costs = NextSentenceLoss(name="next_sentence")(read, targets, costs)
    scoring = keras.Model(token_ids, scores, name="language_model")
    return LanguageModels(scoring, keras.Model({"token_ids": token_ids, "targets": targets}, costs, name="training"))


def embedding_of(model: Any) -> Any:
    """Return the layer that holds the vectors of tokens."""
    return next(layer for layer in model._flatten_layers() if layer.name == "embedding")
