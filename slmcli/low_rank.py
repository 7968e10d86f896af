"""Additions of low rank to the kernels of layers, from outside: a layer reads its kernel as before and gets the sum."""

from collections.abc import Iterator
from typing import Any  # Any: Keras layers, TensorFlow tensors

import keras
import tensorflow as tf

# our choice: rank 8 adds its product as it is. Hu et al. 2022, section 4.1, keep it constant, so that other ranks take the same learning rate
ALPHA = 8.0


class LowRankKernel(keras.layers.Layer):
    """What stands in place of a layer's kernel: as a tensor it is kernel + scale * A B, and only A and B are trained.

    Source: Hu et al. 2022, section 4.1. A is Gaussian, B zeros, scale is `ALPHA` / rank. Differs: kernels of more than two dimensions
    are read as (all others, last); of A a column has the length 1 on average; a rank above the smaller side of a kernel is cut to it.

    The sum is computed where the layer turns its kernel into a tensor, once in a pass, and is then the layer's own business. As an array
    and in files it is the kernel alone, which the layer still owns: this layer saves A and B.

    Args:
        kernel: A `keras.Variable` (…, last).
        rank: Columns of A and rows of B.
        of_table: Whether rows of the kernel are looked up by number. A then is zeros and B Gaussian, so that rows that never occur
            stay what they are.
    """

    def __init__(self, kernel: Any, rank: int, *, of_table: bool = False, **arguments: Any) -> None:
        super().__init__(dtype="float32", **arguments)
        rows, columns = _sides(kernel.shape)
        self.rank = min(rank, rows, columns)
        self.scale = ALPHA / rank
        # beside Keras's tracking, since the kernel belongs to another layer
        object.__setattr__(self, "kernel", kernel)
        length = self.rank if of_table else rows
        gaussian = keras.initializers.RandomNormal(stddev=length**-0.5)
        first, second = ("zeros", gaussian) if of_table else (gaussian, "zeros")
        self.a = self.add_weight(name="a", shape=(rows, self.rank), initializer=first, autocast=False)
        self.b = self.add_weight(name="b", shape=(self.rank, columns), initializer=second, autocast=False)
        self.built = True

    @property
    def value(self) -> Any:
        """Return the sum, in the dtype in which the layer computes."""
        kernel = tf.convert_to_tensor(self.kernel)
        added = tf.reshape(tf.matmul(self.a.value, self.b.value) * self.scale, kernel.shape)
        return kernel + tf.cast(added, kernel.dtype)

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return tf.convert_to_tensor(self.value, dtype, name=name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.kernel.numpy().astype(dtype or "float32", copy=bool(copy))

    @property
    def shape(self) -> Any:
        """Return the kernel's shape."""
        return self.kernel.shape

    def numpy(self) -> Any:
        """Return the kernel alone."""
        return self.kernel.numpy()

    def assign(self, value: Any) -> None:
        """Set the kernel alone."""
        self.kernel.assign(value)

    def merged(self) -> Any:
        """Return kernel + scale * A B as an array, float32."""
        added = self.a.numpy() @ self.b.numpy() * self.scale
        return self.kernel.numpy() + added.reshape(self.kernel.shape)


class LowRankTable(LowRankKernel):
    """A `LowRankKernel` whose rows are looked up: a step reads, and moves, only the rows of its batch."""

    def __init__(self, kernel: Any, rank: int, **arguments: Any) -> None:
        super().__init__(kernel, rank, of_table=True, **arguments)

    @property
    def value(self) -> Any:
        """Return what `tf.gather` takes rows from."""
        return _Rows(self)

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return tf.convert_to_tensor(super().value, dtype, name=name)


class _Rows:
    """The rows of a table for `tf.gather`, and all of it for who makes a tensor of it."""

    def __init__(self, table: LowRankTable) -> None:
        self._table = table
        self.shape = table.shape

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return tf.convert_to_tensor(self._table, dtype, name=name)

    def sparse_read(self, indices: Any, name: str | None = None) -> Any:
        """Return rows (…, columns) of the sum, as `tf.gather` asks a variable for them."""
        table = self._table
        rows = tf.gather(table.a.value, indices)  # (…, rank)
        added = tf.matmul(tf.reshape(rows, [-1, table.rank]), table.b.value) * table.scale
        found = tf.gather(table.kernel.value, indices)
        return found + tf.cast(tf.reshape(added, tf.shape(found)), found.dtype)


def add_low_rank(layer: Any, rank: int) -> None:
    """Put additions of low rank to every kernel of a layer: weights of two or more dimensions that are no biases."""
    is_table = isinstance(layer, keras.layers.Embedding)
    for name, value in _kernels(layer):
        replaced = [_replacement(layer, part, rank, is_table=is_table) for part in _parts(name, value)]
        _replace(layer, name, replaced if isinstance(value, list) else replaced[0])


def remove_low_rank(layer: Any) -> None:
    """Add the additions to the kernels of a layer, and leave it as it was built."""
    for name, value in list(vars(layer).items()):
        parts = _parts(name, value)
        if not parts or not all(isinstance(part, LowRankKernel) for part in parts):
            continue
        for part in parts:
            part.kernel.assign(part.merged())
            layer._tracker.untrack(part)
        kernels = [part.kernel for part in parts]
        _replace(layer, name, kernels if isinstance(value, list) else kernels[0])


def _sides(shape: Any) -> tuple[int, int]:
    """Return rows and columns of a kernel read as a matrix."""
    rows = 1
    for side in shape[:-1]:
        rows *= side
    return rows, shape[-1]


def _kernels(layer: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of a layer that are kernels, or lists of them."""
    for name, value in list(vars(layer).items()):
        parts = _parts(name, value)
        if parts and all(_is_kernel(part) for part in parts):
            yield name, value


def _parts(name: str, value: Any) -> list[Any]:
    """Return the members of an attribute that is a list, except for Keras's own, whose names begin with _; any other value alone."""
    if isinstance(value, list):
        return [] if name.startswith("_") else list(value)
    return [value]


def _is_kernel(value: Any) -> bool:
    return isinstance(value, keras.Variable) and len(value.shape) > 1 and "bias" not in value.name and value.dtype == "float32"


def _replacement(layer: Any, kernel: Any, rank: int, *, is_table: bool) -> LowRankKernel:
    name = f"{layer.name}_{kernel.name}_low_rank"
    return LowRankTable(kernel, rank, name=name) if is_table else LowRankKernel(kernel, rank, of_table=kernel.name == "table", name=name)


def _replace(layer: Any, name: str, value: Any) -> None:
    """Set an attribute of a layer that is built already."""
    layer._tracker.unlock()
    setattr(layer, name, value)
    layer._tracker.lock()
