"""A language model that reads one token after the other: constant work for each, whatever came before."""

from collections.abc import Callable, Sequence
from typing import Any  # Any: Keras models, TensorFlow tensors

import numpy as np
import tensorflow as tf

from slmcli.attention import SelfAttention

_State = list[Any]


class StepDecoder:
    """A `generation.Decoder` over a causal `keras.Model` from token_ids (batch, length) int32 to scores (batch, length, vocab) float32.

    Layers that look at other positions than their own have a `step`; all others are called with one position. One graph serves every
    number of rows and every length of a prompt.

    Args:
        model: The model, without packed documents and without models inside it.
        memory: Tokens that attention sees at most, its own included.
    """

    def __init__(self, model: Any, *, memory: int) -> None:
        self._model, self._memory = model, memory
        self._stepping = [layer for layer in model.layers if hasattr(layer, "step")]
        first = self._first_states(1)
        states = [[tf.TensorSpec([None, *state.shape[1:]], state.dtype) for state in group] for group in first]
        ids = tf.TensorSpec([None, None], tf.int32)
        self._read = tf.function(self._read_all, input_signature=[ids, states], autograph=False)
        self._next = tf.function(self._read_one, input_signature=[tf.TensorSpec([None], tf.int32), states], autograph=False)

    def begin(self, prompts: Sequence[Sequence[int]]) -> tuple[np.ndarray, _State]:
        """Read prompts, each by itself; return the scores (batch, vocab) float32 of the token behind each, and the states."""
        found = [self._read(tf.constant([list(prompt)], tf.int32), self._first_states(1)) for prompt in prompts]
        states = [[tf.concat(parts, 0) for parts in zip(*groups, strict=True)] for groups in zip(*(states for _, states in found), strict=True)]
        return np.concatenate([scores.numpy() for scores, _ in found]), states

    def advance(self, token_ids: np.ndarray, state: _State) -> tuple[np.ndarray, _State]:
        """Read one more token of each row, (batch,) int32."""
        scores, state = self._next(tf.constant(token_ids, tf.int32), state)
        return scores.numpy(), state

    def select(self, state: _State, rows: np.ndarray) -> _State:
        """Return the states of some rows."""
        return [[tf.gather(part, rows) for part in group] for group in state]

    def _first_states(self, batch_size: int) -> _State:
        return [self._begin_layer(layer, batch_size) for layer in self._stepping]

    def _begin_layer(self, layer: Any, batch_size: int) -> _State:
        more = {"memory": self._memory} if isinstance(layer, SelfAttention) else {}
        return list(layer.first_states(batch_size, _features(layer), **more))

    def _read_all(self, token_ids: Any, states: _State) -> tuple[Any, _State]:
        """Read (batch, length) token ids one after the other."""
        scores = tf.zeros([tf.shape(token_ids)[0], self._model.output.shape[-1]])

        def read(place: Any, _: Any, states: _State) -> tuple[Any, Any, _State]:
            return place + 1, *self._read_one(token_ids[:, place], states)

        length = tf.shape(token_ids)[1]
        return tf.while_loop(lambda place, *_: place < length, read, (0, scores, states), parallel_iterations=1)[1:]

    def _read_one(self, token_ids: Any, states: _State) -> tuple[Any, _State]:
        """Return the scores (batch, vocab) behind one token of each row, (batch,), and the states after it."""
        after = dict(zip((layer.name for layer in self._stepping), states, strict=True))
        scores = self._model._run_through_graph(token_ids[:, None], operation_fn=lambda layer: _stepped(layer, after))
        return tf.cast(scores[:, 0], tf.float32), [after[layer.name] for layer in self._stepping]


def _features(layer: Any) -> int:
    """Return the width of what a layer reads."""
    return int(layer.input[0].shape[-1] if isinstance(layer.input, list) else layer.input.shape[-1])


def _stepped(layer: Any, states: dict[str, _State]) -> Callable[..., Any]:
    """Return what stands for a layer where there is one position: (batch, 1, …), or (1, batch, …) for layers that are time-major."""
    if not hasattr(layer, "step"):
        return layer

    def step(inputs: Any, *others: Any, **_: Any) -> Any:
        axis = layer.time_axis
        output, states[layer.name] = layer.step(tf.squeeze(inputs, axis), states[layer.name])
        return tf.expand_dims(output, axis)

    return step
