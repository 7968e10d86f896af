"""Optimizers and learning-rate schedules."""

from collections.abc import Sequence
from typing import Any  # Any: TensorFlow tensors and Keras schedules

import keras
import tensorflow as tf

from slmcli.training_config import OptimizerSettings

# Source: Kingma & Ba 2015, section 2: the default step size.
_LEARNING_RATE = 1e-3
# the name by which TensorFlow knows a variable that belongs to its handle alone (ResourceHandle::ANONYMOUS_NAME)
_ANONYMOUS = "cd2c89b7-88b7-44c8-ad83-06c2a9158347"


class SparseAdam(keras.optimizers.Adam):
    """Adam that touches only the embedding rows of the batch, or with `is_sparse` false plain Adam.

    Source: Kingma & Ba 2015, algorithm 1. Differs: for a sparse gradient the two moments of absent rows stay as they are
    instead of decaying, and their weights do not move. A dense step over a large embedding costs more than the rest of a
    small model (`benchmarks/optimizer.py`). With `weight_decay`, AdamW (Loshchilov & Hutter 2019, algorithm 2).
    """

    def __init__(
        self, learning_rate: Any, *, clip_norm: float = 0.0, is_sparse: bool = True, beta_2: float = 0.999, weight_decay: float = 0.0
    ) -> None:
        super().__init__(learning_rate, beta_2=beta_2, weight_decay=weight_decay or None)
        self._clip_norm = clip_norm
        self._is_sparse = is_sparse
        self._first_factors: list[float] = []
        # variables, with factors: these, and the steps that each trained variable has taken
        self._factors: Any = None
        self._steps: Any = None

    def set_factors(self, factors: Sequence[float]) -> None:
        """Multiply the learning rate of each trained variable by a number from now on; for the first time before `build`.

        With 0 neither the variable moves nor its moments, and each counts its own steps, so that moments which begin late are corrected
        as at the beginning.

        Args:
            factors: As many as trained variables, in their order.
        """
        if not self.built:
            self._first_factors = list(factors)
        else:
            self._factors.assign(list(factors))

    def build(self, var_list: Sequence[Any]) -> None:
        """Make the moments and, with factors, the variables of these and of the steps taken."""
        if self.built:
            return
        super().build(var_list)
        if self._first_factors:
            if self.weight_decay:
                raise ValueError("weights decay by one rate, whatever the factors")
            options: dict[str, Any] = {"shape": (len(var_list),), "aggregation": "only_first_replica"}
            self._factors = self.add_variable(name="factors", **options)
            self._steps = self.add_variable(dtype="int32", name="steps", **options)
            self._factors.assign(self._first_factors)

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """Apply gradients, made dense before unless they may stay sparse."""
        variables = self._trainable_variables if trainable_variables is None else trainable_variables
        pairs = zip(grads, variables, strict=True)
        super().apply([gradient if self._is_sparse else _make_dense(gradient, variable) for gradient, variable in pairs], trainable_variables)
        if self._factors is not None:
            self._steps.assign_add(tf.cast(self._factors.value > 0.0, tf.int32))

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> list[tuple[Any, Any]]:
        """Add up what several devices found, then the gradients of equal rows, then clip all gradients together.

        Keras's own clipping would make sparse gradients dense, and would clip each device's share by itself.
        """
        gradients, variables = zip(*super()._all_reduce_sum_gradients(grads_and_vars), strict=True)
        summed = [_sum_rows(gradient, variable) for gradient, variable in zip(gradients, variables, strict=True)]
        if self._clip_norm:
            summed, _ = tf.clip_by_global_norm(summed, self._clip_norm)
        return list(zip(summed, variables, strict=True))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable with TensorFlow's fused kernel; rows of a `tf.IndexedSlices` gradient alone where there is one."""
        index = self._get_variable_index(variable)
        state = [variable, self._momentums[index].value, self._velocities[index].value]
        if not isinstance(gradient, tf.IndexedSlices):
            self._apply([part.handle for part in state], gradient, learning_rate, index)
            return
        rows = gradient.indices  # (rows,), each once
        parts = [_temporary(tf.gather(part, rows)) for part in state]
        self._apply(parts, gradient.values, learning_rate, index)
        for part, changed in zip(state, parts, strict=True):
            values = tf.raw_ops.ReadVariableOp(resource=changed, dtype=tf.float32)
            part.scatter_update(tf.IndexedSlices(values, rows))

    def _apply(self, handles: list[Any], gradient: Any, learning_rate: Any, index: int) -> None:
        """Move weights and both moments, given by the handles of three variables, by one step of the variable at `index`."""
        steps, learning_rate, betas = self.iterations, tf.cast(learning_rate, tf.float32), (self.beta_1, self.beta_2)
        if self._factors is not None:
            factor = self._factors.value[index]
            steps, learning_rate = self._steps.value[index], learning_rate * factor
            betas = tuple(tf.where(factor > 0.0, beta, 1.0) for beta in betas)  # 1 keeps a moment as it is
        step = tf.cast(steps + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=handles[0],
            m=handles[1],
            v=handles[2],
            beta1_power=self.beta_1**step,
            beta2_power=self.beta_2**step,
            lr=learning_rate,
            beta1=betas[0],
            beta2=betas[1],
            epsilon=self.epsilon,
            grad=tf.cast(gradient, tf.float32),
        )


def _temporary(values: Any) -> Any:
    """Return the handle of a new variable that holds `values` (rows, ...) float32, and goes when the step ends.

    The fused kernel takes variables only. On gathered rows it takes half the time of the same formula in a dozen operations.
    """
    handle = tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[None, *values.shape[1:]], shared_name=_ANONYMOUS)
    tf.raw_ops.AssignVariableOp(resource=handle, value=values)
    return handle


def _sum_rows(gradient: Any, variable: Any) -> Any:
    """Return a sparse gradient with every row once, in float32; one of single numbers dense, anything else as it is."""
    if not isinstance(gradient, tf.IndexedSlices) or len(variable.shape) < 2:
        return _make_dense(gradient, variable)
    rows, positions = tf.unique(gradient.indices)
    return tf.IndexedSlices(_sum_by_place(gradient.values, positions, tf.size(rows), width=variable.shape[-1]), rows, gradient.dense_shape)


def _make_dense(gradient: Any, variable: Any) -> Any:
    """Return a sparse gradient as a tensor, zeros in the rows that it does not have; anything else as it is."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    if len(variable.shape) < 2:
        return tf.math.unsorted_segment_sum(tf.cast(gradient.values, tf.float32), gradient.indices, variable.shape[0])
    return _sum_by_place(gradient.values, gradient.indices, variable.shape[0], width=variable.shape[-1])


def _sum_by_place(values: Any, places: Any, size: Any, *, width: int) -> Any:
    """Return (size, width) float32, the sums of the rows of `values` (rows, width) that have the same place.

    TensorFlow sums on one thread; the halves of the columns are summed side by side.
    """
    values = tf.cast(values, tf.float32)
    middle = tf.shape(values)[1] // 2
    parts = [tf.math.unsorted_segment_sum(part, places, size) for part in (values[:, :middle], values[:, middle:])]
    return tf.ensure_shape(tf.concat(parts, axis=1), [None, width])


def build_optimizer(settings: OptimizerSettings, *, steps: int) -> SparseAdam:
    """Return the optimizer for a training of `steps` steps."""
    return SparseAdam(build_schedule(settings, steps=steps), clip_norm=settings.clip_norm, is_sparse=settings.optimizer != "adam")


def build_schedule(settings: OptimizerSettings, *, steps: int) -> Any:
    """Return the learning-rate schedule: a linear rise from 0, then a fall to a hundredth, or none."""
    warmup = min(int(settings.warmup * steps), steps - 1)
    rate = settings.learning_rate or _LEARNING_RATE
    if settings.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else rate, steps - warmup, alpha=0.01, warmup_target=rate if warmup else None, warmup_steps=warmup
        )
    return LinearSchedule(rate, warmup=warmup, steps=steps, final_share=0.01 if settings.schedule == "linear" else 1.0)


@keras.saving.register_keras_serializable("slmcli")
class LinearSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Rise linearly from 0 in `warmup` steps, then move linearly to `final_share` of the highest rate at `steps`."""

    def __init__(self, learning_rate: float, *, warmup: int, steps: int, final_share: float) -> None:
        self.learning_rate = learning_rate
        self.warmup = warmup
        self.steps = steps
        self.final_share = final_share

    def __call__(self, step: Any) -> Any:
        """Return the learning rate at a step."""
        step = tf.cast(step, tf.float32)
        rise = step / max(1, self.warmup)
        progress = tf.clip_by_value((step - self.warmup) / max(1, self.steps - self.warmup), 0.0, 1.0)
        fall = 1.0 - (1.0 - self.final_share) * progress
        return self.learning_rate * tf.where(step < self.warmup, rise, fall)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {"learning_rate": self.learning_rate, "warmup": self.warmup, "steps": self.steps, "final_share": self.final_share}
