"""TensorFlow's SavedModel: one graph from raw strings to answers, as TensorFlow Serving reads it."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any  # Any: Keras models, tensors, traced functions

import numpy as np

from slmcli.errors import BundleError
from slmcli.formats.base import Features, Format, Forward, TextReading
from slmcli.runtime import quiet_stderr, start_tensorflow
from slmcli.serving_requests import write_warmup

VERSION = "1"  # TensorFlow Serving serves the highest number
SERVING, TOKENS = "serving_default", "tokens"
# our choice: what is slow the first time: both scripts, marks, references, and a batch
_WARMUP_TEXTS = (["a text"], ["<b>Caf\u00e9</b> &amp; 学校", ""])


class SavedModelFormat(Format):
    """`model/1/`.

    Signature `tokens`: input features, each (batch, length) int32, to `outputs` of the model (batch, width) float32 and, with texts,
    to `probabilities`. Signature `serving_default`, with texts: a string for each text of an example to what the task answers.
    """

    name = "saved_model"
    file_name = "model"

    def __init__(self, reading: TextReading | None = None) -> None:
        self._reading = reading

    def with_texts(self, reading: TextReading) -> "SavedModelFormat":
        """Return the format with how texts become features."""
        reading.check()
        return SavedModelFormat(reading)

    def save(self, model: Any, directory: Path, *, quantize: str, calibration: Sequence[Features] = ()) -> None:
        """Trace the signatures and write them, with requests to warm up by.

        Raises:
            ConfigError: A graph cannot hold a part of the way from text to features exactly.
        """
        import tensorflow as tf

        place = directory / self.file_name / VERSION
        with tempfile.TemporaryDirectory() as files, quiet_stderr():
            texts = None if self._reading is None else self._reading.open(Path(files))
            module = tf.Module()
            module.kept = [variable.value for variable in model.variables]
            module.tables = [] if texts is None else texts.tables
            signatures = {TOKENS: _tokens(model, texts), **({} if texts is None else {SERVING: _serving(model, texts)})}
            tf.saved_model.save(module, str(place), signatures=signatures)
        if texts is not None:
            requests = [{field: np.array([text.encode("utf-8") for text in batch], object) for field in texts.fields} for batch in _WARMUP_TEXTS]
            write_warmup(place, requests, model=self.file_name, signature=SERVING)

    def load(self, directory: Path, *, threads: int) -> Forward:
        """Load model/1 and compute from features on; texts become features outside, as with every format."""
        start_tensorflow(threads=threads)
        import tensorflow as tf

        place = directory / self.file_name / VERSION
        try:
            with quiet_stderr():
                loaded = tf.saved_model.load(str(place))
            infer = loaded.signatures[TOKENS]
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise BundleError(f"{place} does not load ({error}). Export the run again.") from error
        names = list(infer.structured_input_signature[1])

        def forward(features: Features) -> np.ndarray:
            return infer(**{name: tf.constant(features[name]) for name in names})["outputs"].numpy()

        forward.loaded = loaded  # type: ignore[attr-defined]  # the function alone does not keep its variables
        return forward


def _tokens(model: Any, texts: Any) -> Any:
    """Return the traced signature from features to outputs."""
    import tensorflow as tf

    described = {tensor.name: tf.TensorSpec(tensor.shape, tf.int32, name=tensor.name) for tensor in model.inputs}

    def tokens(**features: Any) -> dict[str, Any]:
        outputs = _outputs(model, features)
        return {"outputs": outputs} if texts is None else {"outputs": outputs, "probabilities": texts.probabilities(outputs)}

    return tf.function(tokens, autograph=False).get_concrete_function(**described)


def _serving(model: Any, texts: Any) -> Any:
    """Return the traced signature from strings to answers."""
    import tensorflow as tf

    described = {field: tf.TensorSpec([None], tf.string, name=field) for field in texts.fields}

    def serving(**strings: Any) -> dict[str, Any]:
        outputs = _outputs(model, texts.features(strings))
        return texts.answers(texts.probabilities(outputs))

    return tf.function(serving, autograph=False).get_concrete_function(**described)


def _outputs(model: Any, features: dict[str, Any]) -> Any:
    return model(features if len(model.inputs) > 1 else features[model.inputs[0].name], training=False)
