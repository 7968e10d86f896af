"""Time a training step of SparseAdam beside Keras's Adam: python benchmarks/optimizer.py [--vocabulary 30000 --rounds 5].

Three models, SparseAdam with sparse and with dense gradients and Keras, train an embedding with a mean and a dense layer on the same random
batches, alternating; prints the median seconds of each and the ratios.
"""

import argparse
import json
import statistics
import time

from slmcli.runtime import start_tensorflow

start_tensorflow(seed=0)

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from slmcli.optimizers import SparseAdam  # noqa: E402

BATCH, LENGTH, STEPS = 64, 256, 50


def build(optimizer: keras.optimizers.Optimizer, vocabulary: int, embedding: int) -> keras.Model:
    """Return the smallest model with an embedding."""
    layers = [keras.layers.Embedding(vocabulary, embedding), keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((None,), dtype="int32"), *layers])
    model.compile(optimizer=optimizer, loss="mse")
    return model


def seconds(model: keras.Model, batches: tf.data.Dataset) -> float:
    """Return the time of one pass."""
    started = time.perf_counter()
    model.fit(batches, verbose=0, shuffle=False)
    return time.perf_counter() - started


def main() -> None:
    """Alternate the two and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", type=int, default=30_000)
    parser.add_argument("--embedding", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    token_ids = np.minimum(generator.zipf(1.2, (STEPS, BATCH, LENGTH)), options.vocabulary - 1).astype(np.int32)
    batches = tf.data.Dataset.from_tensor_slices((token_ids, generator.normal(size=(STEPS, BATCH, 1)).astype(np.float32))).cache()
    models = {
        "sparse": build(SparseAdam(1e-3, clip_norm=1.0), options.vocabulary, options.embedding),
        "dense": build(SparseAdam(1e-3, clip_norm=1.0, is_sparse=False), options.vocabulary, options.embedding),
        "keras": build(keras.optimizers.Adam(1e-3, global_clipnorm=1.0), options.vocabulary, options.embedding),
    }
    for model in models.values():
        seconds(model, batches)
    rounds = [{name: seconds(model, batches) for name, model in models.items()} for _ in range(options.rounds)]
    medians = {name: statistics.median(times[name] for times in rounds) for name in models}
    ratios = {f"keras_over_{name}": round(medians["keras"] / medians[name], 2) for name in ("sparse", "dense")}
    print(json.dumps({"options": vars(options), **medians, **ratios}))


if __name__ == "__main__":
    main()
