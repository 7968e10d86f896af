"""Attention rollout: which tokens a transformer has looked at, through all of its blocks."""

from functools import cached_property
from typing import Any  # Any: Keras models and layers

import numpy as np

from slmcli.bundle import Bundle
from slmcli.errors import ConfigError
from slmcli.explainers.base import Attribution, Explainer, Question, check_has_layers, check_reads_one_text
from slmcli.ngrams import FEATURE
from slmcli.word_shares import share, tokens_of

_ABOUT = "where the model looked; not why it decided, and the same for every label."


class Attention(Explainer):
    """Multiply the attention of all blocks, each the mean of its heads and of staying in place.

    What is said of a text is the mean over its tokens, whatever pooling stands above them. Weights are never below 0 and add up to 1:
    attention need not be what a decision rests on (Jain & Wallace 2019, section 4).
    """

    name = "attention"
    source = "Abnar & Zuidema 2020, section 3"
    leaves_words_out = False

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        super().__init__(bundle, threads=threads)
        check_reads_one_text(bundle, self.name)
        check_has_layers(bundle, self.name, "attention")
        branches = str(bundle.manifest.get("backbone", "")).split("+")
        if "transformer" not in branches:
            raise ConfigError(
                f"{bundle.path} has the backbone {bundle.manifest.get('backbone')}, which has no attention. "
                "Pass --method integrated-gradients, occlusion, lime or shap."
            )

    def explain(self, question: Question) -> Attribution:
        """Return how much of what was gathered came from each word."""
        token_ids, offsets = tokens_of(question.only_text.text, self.bundle)
        if not len(token_ids):
            return Attribution(np.zeros(question.size), {"about": _ABOUT})
        found = [self._roll(model, layers, token_ids) for model, layers in self._readers]
        weights, rest = share(np.mean(found, axis=0), offsets, question.only_text)
        notes = ("The model also reads n-grams, of which attention says nothing.",) if FEATURE in self.bundle.task.input_features else ()
        return Attribution(weights, {"about": _ABOUT, "beside_words": round(rest, 6)}, notes)

    def _roll(self, model: Any, layers: list[Any], token_ids: np.ndarray) -> np.ndarray:
        """Return (length,) float64, how much all tokens together have of each."""
        length = len(token_ids)
        padded = np.pad(token_ids, (0, (self.bundle.length or length) - length))[None]
        is_real = padded > 0
        together = np.eye(length)
        for inputs, layer in zip(_as_list(model([padded, is_real], training=False)), layers, strict=True):
            heads = np.asarray(layer.shares(inputs, is_real), np.float64)[0, :, :length, :length]
            together = (0.5 * heads.mean(axis=0) + 0.5 * np.eye(length)) @ together
        return together.mean(axis=0)

    @cached_property
    def _readers(self) -> list[tuple[Any, list[Any]]]:
        """For each transformer, the model from its inputs to what each of its attention layers reads, and these layers from the lowest on."""
        import keras

        from slmcli.attention import SelfAttention
        from slmcli.formats.keras import load_model
        from slmcli.model_parts import backbone_of, members_of

        readers = []
        for member, _ in members_of(load_model(self.bundle.path)):
            if [tensor.name for tensor in member.inputs] == [FEATURE]:
                continue
            backbone = backbone_of(member)
            layers = [layer for layer in backbone.layers if isinstance(layer, SelfAttention)]
            if layers:
                readers.append((keras.Model(backbone.inputs, [layer.input[0] for layer in layers]), layers))
        return readers


def _as_list(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
