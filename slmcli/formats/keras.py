"""Keras's own format: a zip of JSON and HDF5, loaded in safe mode."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any  # Any: Keras models

import numpy as np

from slmcli.errors import BundleError
from slmcli.formats.base import Features, Format, Forward
from slmcli.runtime import start_tensorflow


class KerasFormat(Format):
    """`model.keras`."""

    name = "keras"
    file_name = "model.keras"

    def save(self, model: Any, directory: Path, *, quantize: str, calibration: Sequence[Features] = ()) -> None:
        """Write model.keras."""
        model.save(directory / self.file_name)

    def load(self, directory: Path, *, threads: int) -> Forward:
        """Load model.keras and compile its inference once for all shapes."""
        start_tensorflow(threads=threads)
        import tensorflow as tf

        model = load_model(directory)
        names = [tensor.name for tensor in model.inputs]

        @tf.function(input_signature=[dict.fromkeys(names, tf.TensorSpec((None, None), tf.int32))], autograph=False)
        def infer(features: Any) -> Any:
            return model(features if len(names) > 1 else features[names[0]], training=False)

        def forward(features: Features) -> np.ndarray:
            return infer({name: tf.constant(features[name]) for name in names}).numpy()

        return forward


def load_model(directory: Path) -> Any:
    """Return the `keras.Model` of a bundle directory.

    Raises:
        BundleError: The file is not a model that loads without running code from it.
    """
    import keras

    # they register our layers
    import slmcli.attention
    import slmcli.bottleneck
    import slmcli.convolution
    import slmcli.layers
    import slmcli.prediction_layers
    import slmcli.recurrent_layers
    import slmcli.segments
    import slmcli.token_vectors
    import slmcli.transformer_layers  # noqa: F401

    path = directory / KerasFormat.file_name
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, OSError, KeyError) as error:
        raise BundleError(f"{path} does not load ({error}). Export the run again.") from error
