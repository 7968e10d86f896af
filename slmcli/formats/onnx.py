"""ONNX: one file of operations that many runtimes compute; here onnxruntime."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any  # Any: Keras models, graphs of tf2onnx

import numpy as np

from slmcli.errors import BundleError, ConfigError, MissingPackageError
from slmcli.formats.base import Features, Format, Forward
from slmcli.onnx_weights import all_nodes, quantize_weights
from slmcli.runtime import quiet_stderr

OPSET = 18  # the newest that tf2onnx writes
_PACKAGES = "pip install slmcli[onnx]"
# columns of our kernels -> order of the gates in ONNX: i f g o -> i o f g, and z r h as they are (ONNX operators LSTM, GRU)
_GATES = {"LSTM": (0, 3, 1, 2), "GRU": (0, 1, 2)}
# a GRU multiplies before it resets, as cuDNN does; a quasi-recurrence couples its gates, and its cells are not squashed
_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "lstm": {},
    "gru": {"linear_before_reset": 1},
    "quasi": {"input_forget": 1, "activations": ["Sigmoid", "Tanh", "Affine"], "activation_alpha": [1.0], "activation_beta": [0.0]},
}


class OnnxFormat(Format):
    """`model.onnx`; batch and length are dynamic unless the head needs one length."""

    name = "onnx"
    file_name = "model.onnx"
    quantizations = ("none", "dynamic")

    def save(self, model: Any, directory: Path, *, quantize: str, calibration: Sequence[Features] = ()) -> None:
        """Convert by tf2onnx; a whole LSTM or GRU is one operation.

        Raises:
            ConfigError: The model needs an operation that ONNX lacks.
            MissingPackageError: onnx or tf2onnx is not installed.
        """
        try:
            import onnx
        except ImportError as error:
            raise MissingPackageError(f"format onnx needs the packages onnx and tf2onnx to be written ({error}). Run: {_PACKAGES}") from error
        proto = _convert(model)
        if lacking := sorted({node.op_type for node in all_nodes(proto.graph) if not onnx.defs.has(node.op_type)}):
            raise ConfigError(
                f"ONNX cannot express this model ({', '.join(lacking[:4])}). Pass --format keras or --format litert, or train --backbone conv."
            )
        onnx.checker.check_model(proto, full_check=True)
        if quantize == "dynamic":
            quantize_weights(proto.graph)
        (directory / self.file_name).write_bytes(proto.SerializeToString(deterministic=True))

    def load(self, directory: Path, *, threads: int) -> Forward:
        """Load model.onnx in onnxruntime."""
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingPackageError(f"an onnx bundle needs onnxruntime ({error}). Run: {_PACKAGES}") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads  # 0: all, in both meanings
        options.log_severity_level = 4
        options.add_session_config_entry("session.disable_quant_qdq", "1")  # weights of 8 bits become float32 once, at the start
        path = directory / self.file_name
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its classes of errors have no public base
            raise BundleError(f"{path} does not load ({error}). Export the run again.") from error
        names = [each.name for each in session.get_inputs()]

        def forward(features: Features) -> np.ndarray:
            return session.run(None, {name: features[name] for name in names})[0]

        return forward


def _convert(model: Any) -> Any:
    """Return an `onnx.ModelProto` whose inputs have the names of the model's, and whose output is `outputs`."""
    import tensorflow as tf

    from slmcli.fused_recurrences import OPERATION
    from slmcli.tracing import conversion

    names = [tensor.name for tensor in model.inputs]
    signature = [tf.TensorSpec((None, *tensor.shape[1:]), tf.int32, name=tensor.name) for tensor in model.inputs]

    @tf.function(input_signature=signature, autograph=False)
    def infer(*features: Any) -> dict[str, Any]:
        return {"outputs": model(dict(zip(names, features, strict=True)) if len(names) > 1 else features[0], training=False)}

    try:
        with _quiet(), conversion(fuses_recurrences=True):
            import tf2onnx

            handlers: dict[str, tuple[Any, list[Any]]] = {OPERATION: (_fused_recurrence, []), "Erfc": (_erfc, []), "FloorDiv": (_floor_div, [])}
            proto, _ = tf2onnx.convert.from_function(infer, input_signature=signature, opset=OPSET, custom_op_handlers=handlers)
    except ImportError as error:
        raise MissingPackageError(f"format onnx needs the packages onnx and tf2onnx to be written ({error}). Run: {_PACKAGES}") from error
    _let_reshape_be_empty(proto)
    return proto


def _let_reshape_be_empty(proto: Any) -> None:
    """Let a 0 in a computed shape mean no elements, as in TensorFlow, not that the size is kept."""
    constants = {tensor.name for tensor in proto.graph.initializer}
    for node in all_nodes(proto.graph):
        if node.op_type == "Reshape" and node.input[1] not in constants and not node.attribute:
            node.attribute.add(name="allowzero", type=2, i=1)  # 2: AttributeProto.INT


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what tf2onnx and TensorFlow say of every step."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with quiet_stderr():
            yield
    finally:
        logging.disable(before)


def _fused_recurrence(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Put ONNX's LSTM or GRU in the place of `fused_recurrences.fused`'s operation."""
    from slmcli.fused_recurrences import MODES

    kind = next(kind for kind, mode in MODES.items() if mode == node.get_attr_str("rnn_mode"))
    inputs, lengths = node.input[0], node.input[4]
    packed, hidden = np.asarray(node.inputs[3].get_tensor_value(as_list=False)), ctx.get_shape(node.output[0])[-1]
    parts = _quasi_parts(ctx, name, packed, hidden) if kind == "quasi" else _parts(ctx, name, packed, kind.upper(), hidden)
    attributes = {"hidden_size": hidden, "direction": "reverse" if node.get_attr_int("seed") else "forward", **_ATTRIBUTES[kind]}
    last = _taken_out(ctx, node)
    operation = "GRU" if kind == "gru" else "LSTM"
    recurrence = ctx.make_node(operation, [inputs, *parts, lengths], attr=attributes, name=f"{name}_whole")
    axis = ctx.make_const(f"{name}_axis", np.array([1], np.int64)).output[0]
    ctx.make_node("Squeeze", [recurrence.output[0], axis], name=name, **last)


def _parts(ctx: Any, name: str, packed: np.ndarray, operation: str, hidden: int) -> list[str]:
    """Return the names of W (1, gates * hidden, features), R (1, gates * hidden, hidden) and B (1, 2 * gates * hidden) of the operator."""
    gates, biases = len(_GATES[operation]), 2 if operation == "GRU" else 1
    kernel, recurrent, bias = np.split(packed, [-(hidden + biases) * gates * hidden, -biases * gates * hidden])
    both = np.concatenate([bias, np.zeros((2 - biases) * gates * hidden, bias.dtype)]).reshape(2, gates * hidden)

    def ordered(matrix: np.ndarray) -> np.ndarray:
        columns = matrix.reshape(-1, gates, hidden)[:, _GATES[operation]]
        return columns.reshape(-1, gates * hidden)

    parts = {"W": ordered(kernel).T, "R": ordered(recurrent).T, "B": ordered(both).reshape(-1)}
    return [ctx.make_const(f"{name}_{part}", np.ascontiguousarray(values)[None]).output[0] for part, values in parts.items()]


def _quasi_parts(ctx: Any, name: str, packed: np.ndarray, hidden: int) -> list[str]:
    """Return the same of an LSTM that looks at no output before, whose input gate is 1 less the forget gate, and which squashes no cell.

    What is zero, and what is another part with its sign turned, is made when a runtime folds constants, and takes no room in the file.
    """
    kernel, bias = packed[: -3 * hidden].reshape(-1, 3, hidden), packed[-3 * hidden :].reshape(3, hidden)
    candidates, forget, output = (ctx.make_const(f"{name}_{part}", np.ascontiguousarray(kernel[:, part].T)).output[0] for part in range(3))
    zeros = np.zeros(hidden, np.float32)
    biases = np.concatenate([-bias[1], bias[2], zeros, bias[0], np.zeros(4 * hidden, np.float32)])

    def nothing(*shape: int) -> str:
        size = ctx.make_const(f"{name}_{'x'.join(map(str, shape))}", np.array(shape, np.int64)).output[0]
        return ctx.make_node("ConstantOfShape", [size]).output[0]

    turned = ctx.make_node("Neg", [forget]).output[0]
    joined = ctx.make_node("Concat", [turned, output, nothing(hidden, len(kernel)), candidates], attr={"axis": 0}).output[0]
    first = ctx.make_const(f"{name}_first", np.array([0], np.int64)).output[0]
    whole = ctx.make_node("Unsqueeze", [joined, first]).output[0]
    return [whole, nothing(1, 4 * hidden, hidden), ctx.make_const(f"{name}_B", biases[None]).output[0]]


def _erfc(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Put 1 - erf in the place of erfc, which ONNX lacks; the exact GELU has it."""
    source = node.input[0]
    last = _taken_out(ctx, node)
    one = ctx.make_const(f"{name}_one", np.array(1, np.float32)).output[0]
    erf = ctx.make_node("Erf", [source], name=f"{name}_erf")
    ctx.make_node("Sub", [one, erf.output[0]], name=name, **last)


def _floor_div(ctx: Any, node: Any, name: str, args: Any) -> None:
    """Put (a - a mod b) / b in the place of a // b: ONNX's division of integers rounds towards zero, as tf2onnx leaves it."""
    left, right = node.input[:2]
    last = _taken_out(ctx, node)
    rest = ctx.make_node("Mod", [left, right], name=f"{name}_rest")  # it has the sign of b
    whole = ctx.make_node("Sub", [left, rest.output[0]], name=f"{name}_whole")
    ctx.make_node("Div", [whole.output[0], right], name=name, **last)


def _taken_out(ctx: Any, node: Any) -> dict[str, Any]:
    """Remove a node, and return what makes another one say the same under its name."""
    output = node.output[0]
    last = {"outputs": [output], "shapes": [ctx.get_shape(output)], "dtypes": [ctx.get_dtype(output)]}
    ctx.remove_node(node.name)
    return last
