"""Count the arithmetic of matrix products and convolutions in a TensorFlow graph."""

import math
from collections.abc import Iterator
from typing import Any  # Any: graphs and operations of TensorFlow


def count_operations(graph: Any, *, loop_steps: int) -> int:
    """Return the multiplications and additions of all matrix products and convolutions that a function's outputs need.

    What is not a product (gathering, activations, normalisation) is left out. Shapes must be known, apart from what is in a loop. Of a
    condition only the branch for False is counted; a detour belongs in the other.

    Args:
        graph: The graph of a concrete `tf.function`.
        loop_steps: How often the body of a loop runs: for a loop over time, the blocks of positions in a text.
    """
    return sum(_count(operation, graph, loop_steps) for operation in _needed(graph))


def _count(operation: Any, graph: Any, loop_steps: int) -> int:
    if operation.type in ("While", "StatelessWhile"):
        return loop_steps * count_operations(_function(graph, operation.get_attr("body").name), loop_steps=loop_steps)
    if operation.type in ("If", "StatelessIf"):
        return count_operations(_function(graph, operation.get_attr("else_branch").name), loop_steps=loop_steps)
    if operation.type in ("PartitionedCall", "StatefulPartitionedCall"):
        return count_operations(_function(graph, operation.get_attr("f").name), loop_steps=loop_steps)
    counter = _COUNTERS.get(operation.type)
    return 2 * counter(operation) if counter else 0


def _function(graph: Any, name: str) -> Any:
    return graph._get_function(name).graph


def _needed(graph: Any) -> Iterator[Any]:
    """Yield the operations on which the outputs depend; TensorFlow runs no others."""
    waiting, seen = [output.op for output in graph.outputs], set()
    while waiting:
        operation = waiting.pop()
        if operation.name in seen:
            continue
        seen.add(operation.name)
        yield operation
        waiting += [*(tensor.op for tensor in operation.inputs), *operation.control_inputs]


def _matrix_product(operation: Any) -> int:
    """Return rows x columns x the dimension that is summed over."""
    transposed = "transpose_a" if operation.type == "MatMul" else "adj_x"
    return math.prod(operation.outputs[0].shape) * operation.inputs[0].shape[-2 if operation.get_attr(transposed) else -1]


def _convolution(operation: Any) -> int:
    """Return the positions of the output x the size of the kernel, whose last two dimensions are channels in and out."""
    places, kernel = {
        "Conv2D": lambda: (operation.outputs[0].shape, operation.inputs[1].shape),
        "Conv2DBackpropInput": lambda: (operation.inputs[2].shape, operation.inputs[1].shape),
        "Conv2DBackpropFilter": lambda: (operation.inputs[2].shape, operation.outputs[0].shape),
    }[operation.type]()
    return math.prod(places[:-1]) * math.prod(kernel)


def _einsum(operation: Any) -> int:
    """Return the product of the sizes of all dimensions."""
    letters = operation.get_attr("equation").decode().split("->")[0].split(",")
    sizes = {letter: size for part, tensor in zip(letters, operation.inputs, strict=True) for letter, size in zip(part, tensor.shape, strict=True)}
    return math.prod(sizes.values())


_COUNTERS = {
    "MatMul": _matrix_product,
    "BatchMatMulV2": _matrix_product,
    "BatchMatMulV3": _matrix_product,
    "Conv2D": _convolution,
    "Conv2DBackpropInput": _convolution,
    "Conv2DBackpropFilter": _convolution,
    "Einsum": _einsum,
}
