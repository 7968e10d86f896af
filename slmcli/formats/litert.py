"""LiteRT: one flat file that a small runtime computes, without TensorFlow."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # Any: Keras models

import numpy as np

from slmcli.errors import BundleError, ConfigError, MissingPackageError
from slmcli.formats.base import Format, Forward
from slmcli.runtime import quiet_stderr


class LitertFormat(Format):
    """`model.tflite`; batch and length are dynamic unless the head needs one length."""

    name = "litert"
    file_name = "model.tflite"
    quantizations = ("none", "dynamic")

    def save(self, model: Any, directory: Path, *, quantize: str) -> None:
        """Convert with LiteRT's builtin operations only, so that the small runtime suffices.

        Raises:
            ConfigError: The model needs an operation that LiteRT lacks.
        """
        import tensorflow as tf

        from slmcli.tracing import conversion

        options: dict[str, Any] = {"target_spec": {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}}
        if quantize == "dynamic":
            options["optimizations"] = [tf.lite.Optimize.DEFAULT]
        try:
            with quiet_stderr(), conversion():
                model.export(directory / self.file_name, format="litert", verbose=False, **options)
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

        def forward(features: Mapping[str, np.ndarray]) -> np.ndarray:
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
