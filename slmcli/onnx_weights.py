"""Weights of an ONNX graph as 8-bit integers; what flows through it stays float32, so that no text depends on those beside it."""

from collections.abc import Iterator
from typing import Any  # Any: ONNX graphs and nodes

import numpy as np

# our choice: below this a scale for each row costs what it saves
_LEAST_VALUES = 512
_LEAST_WIDTH = 8
# operator to the axis whose every slice has a scale of its own: the outputs of its products
_AXES = {"Conv": 0, "MatMul": 1, "Gemm": 1, "LSTM": 1, "GRU": 1, "Neg": 0, "Concat": 0}


def quantize_weights(graph: Any) -> None:
    """Make 8-bit integers of the large float32 weights of a graph, in place.

    Symmetric, with a scale for each output of a product (Jacob et al. 2018, section 2; Krishnamoorthi 2018, section 3.1) and for each
    row of a table that is looked up. A row is looked up as integers and then scaled; other weights are scaled once when a runtime folds
    constants. Quantising what flows too, as onnxruntime's own dynamic quantisation does, is slower for small models and makes the answer
    to a text depend on its batch (docs/decisions.md).
    """
    from onnx import numpy_helper

    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if values.dtype != np.float32 or values.ndim < 2 or values.size < _LEAST_VALUES:
            continue
        readers = [node for node in all_nodes(graph) if tensor.name in node.input]
        graph.initializer.remove(tensor)
        if all(node.op_type == "Gather" and node.input[0] == tensor.name and node in graph.node for node in readers):
            _look_up_integers(graph, tensor.name, values, readers)
        else:
            _scale_once(graph, tensor.name, values, _AXES.get(readers[0].op_type, values.ndim - 1))


def all_nodes(graph: Any) -> Iterator[Any]:
    """Yield the nodes of a graph, those of its loops and branches too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from all_nodes(attribute.g)


def _scale_once(graph: Any, name: str, values: np.ndarray, axis: int) -> None:
    from onnx import helper

    others = tuple(each for each in range(values.ndim) if each != axis)
    integers, scales = _rounded(values, np.abs(values).max(axis=others, keepdims=True))
    _add(graph, f"{name}_int8", integers)
    _add(graph, f"{name}_scale", scales.reshape(-1))
    graph.node.insert(0, helper.make_node("DequantizeLinear", [f"{name}_int8", f"{name}_scale"], [name], axis=axis))


def _look_up_integers(graph: Any, name: str, values: np.ndarray, readers: list[Any]) -> None:
    """Look up rows of integers, and scale them: by scales of rows that are wide, else by one of each column."""
    from onnx import TensorProto, helper

    is_wide = values[0].size >= _LEAST_WIDTH
    others = tuple(range(1, values.ndim)) if is_wide else (0,)
    integers, scales = _rounded(values, np.abs(values).max(axis=others, keepdims=True))
    _add(graph, f"{name}_int8", integers)
    _add(graph, f"{name}_scale", scales)
    for node in readers:
        output, indices = node.output[0], node.input[1]
        found, numbers, factors = (f"{output}_{part}" for part in ("int8", "float", "scale"))
        made = [
            helper.make_node("Gather", [f"{name}_int8", indices], [found]),
            helper.make_node("Cast", [found], [numbers], to=TensorProto.FLOAT),
            *([helper.make_node("Gather", [f"{name}_scale", indices], [factors])] if is_wide else []),
            helper.make_node("Mul", [numbers, factors if is_wide else f"{name}_scale"], [output]),
        ]
        place = list(graph.node).index(node)
        graph.node.remove(node)
        for new in reversed(made):
            graph.node.insert(place, new)


def _rounded(values: np.ndarray, largest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return integers from -127 to 127, and what they are times."""
    scales = np.where(largest > 0, largest / np.float32(127), np.float32(1)).astype(np.float32)
    return np.rint(values / scales).astype(np.int8), scales


def _add(graph: Any, name: str, values: np.ndarray) -> None:
    from onnx import numpy_helper

    graph.initializer.append(numpy_helper.from_array(values, name))
