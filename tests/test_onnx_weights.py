from typing import Any

import numpy as np
import pytest

from slmcli.onnx_weights import quantize_weights

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

RANDOM = np.random.default_rng(0)


def make(nodes: list[Any], weights: dict[str, np.ndarray], inputs: list[Any], rank: int) -> Any:
    outputs = [helper.make_tensor_value_info("outputs", TensorProto.FLOAT, [None] * rank)]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, [numpy_helper.from_array(values, name) for name, values in weights.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def run(model: Any, **inputs: np.ndarray) -> np.ndarray:
    import onnxruntime

    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"]).run(None, inputs)[0]


def weights(*shape: int) -> np.ndarray:
    """Numbers of which every row and every column has a size of its own."""
    values = RANDOM.normal(size=shape)
    for axis in range(len(shape)):
        values *= np.exp(RANDOM.normal(size=[size if axis == place else 1 for place, size in enumerate(shape)]))
    return values.astype(np.float32)


def value(name: str, kind: int, rank: int) -> Any:
    return helper.make_tensor_value_info(name, kind, [None] * rank)


def product(kernel: np.ndarray) -> Any:
    """A model that multiplies (rows, width) by a kernel."""
    return make([helper.make_node("MatMul", ["x", "kernel"], ["outputs"])], {"kernel": kernel}, [value("x", TensorProto.FLOAT, 2)], 2)


TABLES = {"wide rows": (100, 16), "narrow rows": (400, 2)}


@pytest.mark.parametrize("shape", TABLES.values(), ids=TABLES)
def test_rows_of_a_table_are_looked_up_as_integers(shape: tuple[int, int]) -> None:
    table, rows = weights(*shape), np.array([[0, 5], [99, 5]], np.int64)
    model = make([helper.make_node("Gather", ["table", "rows"], ["outputs"])], {"table": table}, [value("rows", TensorProto.INT64, 2)], 3)
    quantize_weights(model.graph)
    steps = np.abs(table).max(axis=1 if shape[1] >= 8 else 0, keepdims=True) / 127
    assert np.all(np.abs(run(model, rows=rows) - table[rows]) <= np.broadcast_to(0.501 * steps, table.shape)[rows])
    assert {each.data_type for each in model.graph.initializer} == {TensorProto.INT8, TensorProto.FLOAT}
    assert len(model.SerializeToString()) < 0.55 * table.nbytes


def test_each_output_of_a_product_has_its_own_scale() -> None:
    kernel = weights(32, 24)
    model = product(kernel)
    quantize_weights(model.graph)
    found = run(model, x=np.eye(32, dtype=np.float32))
    assert np.all(np.abs(found - kernel) <= 0.501 * np.abs(kernel).max(axis=0) / 127)


def test_a_recurrence_has_a_scale_for_each_gate_and_unit() -> None:
    kernel, recurrent = weights(1, 48, 16), weights(1, 48, 16)
    nodes = [helper.make_node("GRU", ["x", "W", "R"], ["outputs", "last"], hidden_size=16)]
    model = make(nodes, {"W": kernel, "R": recurrent}, [value("x", TensorProto.FLOAT, 3)], 4)
    quantize_weights(model.graph)
    scales = {each.name: tuple(each.dims) for each in model.graph.initializer if each.name.endswith("scale")}
    assert scales == {"W_scale": (48,), "R_scale": (48,)}


def test_small_weights_stay_as_they_are() -> None:
    model = product(weights(8, 4))
    before = model.SerializeToString()
    quantize_weights(model.graph)
    assert model.SerializeToString() == before


def test_zeros_stay_zeros() -> None:
    model = product(np.zeros((32, 24), np.float32))
    quantize_weights(model.graph)
    assert not run(model, x=np.ones((3, 32), np.float32)).any()


def test_what_a_row_is_beside_changes_nothing() -> None:
    kernel, x = weights(32, 24), weights(6, 32)
    model = product(kernel)
    quantize_weights(model.graph)
    np.testing.assert_allclose(run(model, x=x)[:1], run(model, x=x[:1]), rtol=1e-5)
