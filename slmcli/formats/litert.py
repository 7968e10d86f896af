"""LiteRT: one flat file that a small runtime computes, without TensorFlow."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any  # Any: Keras models

import numpy as np

from slmcli.errors import BundleError, ConfigError, MissingPackageError
from slmcli.formats.base import Features, Format, Forward
from slmcli.runtime import quiet_stderr


class LitertFormat(Format):
    """`model.tflite`; batch and length are dynamic unless the head needs one length."""

    name = "litert"
    file_name = "model.tflite"
    quantizations = ("none", "float16", "dynamic", "int8")
    calibrated = ("int8",)

    def save(self, model: Any, directory: Path, *, quantize: str, calibration: Sequence[Features] = ()) -> None:
        """Convert with LiteRT's builtin operations only, so that the small runtime suffices.

        Raises:
            ConfigError: The model needs an operation that LiteRT lacks.
        """
        from slmcli.tracing import conversion

        try:
            with quiet_stderr(), conversion():
                model.export(directory / self.file_name, format="litert", verbose=False, **_options(model, quantize, calibration))
        except Exception as error:  # the converter raises its own class, which has no public name
            if "ConverterError" not in type(error).__name__:
                raise
            lacking = sorted(set(re.findall(r"tf\.([A-Z]\w+)", str(error))))
            raise ConfigError(
                f"LiteRT's builtin operations cannot express this model ({', '.join(lacking[:4]) or 'unknown operation'}). "
                "Pass --format keras, or train --backbone conv."
            ) from None

    def load(self, directory: Path, *, threads: int) -> Forward:
        """Load model.tflite in the small runtime; memory is laid out again only when the shape of a batch changes."""
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise MissingPackageError(f"a litert bundle needs ai-edge-litert ({error}). Run: pip install ai-edge-litert") from error
        path = directory / self.file_name
        try:
            with quiet_stderr():  # the runtime announces its delegate
                interpreter = Interpreter(model_path=str(path), num_threads=threads or os.cpu_count() or 1)
                interpreter.allocate_tensors()
            described = interpreter.get_signature_runner().get_input_details()
            target = interpreter.get_output_details()[0]["index"]
        except (ValueError, RuntimeError, IndexError) as error:
            raise BundleError(f"{path} does not load ({error}). Export the run again.") from error
        sources = {name: details["index"] for name, details in described.items()}
        shapes: dict[str, tuple[int, ...]] = {}

        def forward(features: Features) -> np.ndarray:
            changed = {name: features[name].shape for name in sources if features[name].shape != shapes.get(name)}
            for name, shape in changed.items():
                interpreter.resize_tensor_input(sources[name], shape)
            if changed:
                interpreter.allocate_tensors()
                shapes.update(changed)
            for name, source in sources.items():
                interpreter.set_tensor(source, features[name])
            interpreter.invoke()
            return interpreter.get_tensor(target).copy()

        return forward


def _options(model: Any, quantize: str, calibration: Sequence[Features]) -> dict[str, Any]:
    """Return what TensorFlow's converter is told.

    `float16` halves weights, which are computed in float32; `dynamic` makes them 8-bit integers with a scale for each row of a table and
    each column of a kernel, and sums of products are then integers too; `int8` also what flows between layers, in the ranges it had on
    the calibration texts. Source: Jacob et al. 2018, section 2 and 3.
    """
    import tensorflow as tf

    sets = tf.lite.OpsSet
    target: dict[str, Any] = {"supported_ops": [sets.TFLITE_BUILTINS]}
    options: dict[str, Any] = {"target_spec": target}
    if quantize != "none":
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        target["supported_types"] = [tf.float16]
    if quantize == "int8":
        names = [tensor.name for tensor in model.inputs]
        options["representative_dataset"] = lambda: ([features[name] for name in names] for features in calibration)
        target["supported_ops"] = [sets.TFLITE_BUILTINS_INT8, sets.TFLITE_BUILTINS]  # what has no integers stays in float32
    return options
