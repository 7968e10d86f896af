import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from slmcli.batching import (
    balanced_label_weights,
    bucket_limits,
    count_steps,
    evaluation_batches,
    fits_in_memory,
    length_histogram,
    numbered_batches,
    pad,
    share_evenly,
    training_batches,
)
from slmcli.config import PreprocessSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.preprocessing import preprocess
from slmcli.tasks.classification import Pair, Sentiment


def batches(source: Dataset, *, epochs: range = range(1), skip: int = 0, seed: int = 0, weights: tuple[float, float] = (1.0, 1.0)) -> list[Any]:
    limits = bucket_limits(source.length_histogram("train"))
    found = training_batches(
        source, Sentiment(source.labels), batch_size=8, seed=seed, limits=limits, label_weights=weights, epochs=epochs, skip_steps=skip
    )
    return [tuple(part.numpy() for part in batch) for batch in found]


def rows(found: list[Any]) -> list[str]:
    return [json.dumps([int(i) for i in row if i]) for token_ids, _, _ in found for row in token_ids]


@pytest.fixture
def source(dataset: Path) -> Dataset:
    return open_dataset(dataset)


def test_limits_end_with_the_longest_text() -> None:
    assert bucket_limits({3: 10, 7: 5, 40: 1})[-1] == 40


def test_limits_hold_equal_shares_of_the_tokens() -> None:
    # 10 texts of each of 4 lengths; tokens 10, 20, 30, 40 of 100: the second bucket closes where half is reached
    assert bucket_limits({1: 10, 2: 10, 3: 10, 4: 10}, buckets=2) == [3, 4]


def test_steps_count_the_smaller_last_batch_of_every_bucket() -> None:
    # bucket up to 5: 3 + 2 = 5 texts, 3 batches of 2; bucket up to 9: 4 texts, 2 batches
    assert count_steps({3: 3, 5: 2, 9: 4}, [5, 9], batch_size=2) == 5


def test_the_counted_steps_are_the_batches(source: Dataset) -> None:
    histogram = source.length_histogram("train")
    assert len(batches(source)) == count_steps(histogram, bucket_limits(histogram), batch_size=8)


def test_an_epoch_holds_every_example_once(source: Dataset) -> None:
    stored = [json.dumps(example.features["token_ids"].tolist()) for example in source.read("train")]
    assert sorted(rows(batches(source))) == sorted(stored)


def test_the_same_seed_and_epoch_give_the_same_order(source: Dataset) -> None:
    assert rows(batches(source)) == rows(batches(source))


def test_the_next_epoch_has_another_order(source: Dataset) -> None:
    assert rows(batches(source)) != rows(batches(source, epochs=range(1, 2)))


def test_another_seed_gives_another_order(source: Dataset) -> None:
    assert rows(batches(source)) != rows(batches(source, seed=1))


def test_skipped_steps_leave_the_rest_as_it_was(source: Dataset) -> None:
    assert rows(batches(source, epochs=range(2), skip=3)) == rows(batches(source, epochs=range(2))[3:])


def test_targets_are_one_hot_in_the_order_of_the_labels(source: Dataset) -> None:
    targets = np.concatenate([target for _, target, _ in batches(source)])
    assert targets.sum(axis=0).tolist() == [source.label_counts("train")[label] for label in source.labels]


def test_label_weights_reach_the_examples(source: Dataset) -> None:
    _, targets, weights = batches(source, weights=(2.0, 0.5))[0]
    np.testing.assert_allclose(weights, targets @ np.array([2.0, 0.5]))


def test_evaluation_batches_hold_every_example_once(source: Dataset) -> None:
    found = evaluation_batches(source, Sentiment(source.labels), "test", batch_size=4, limits=[16])
    assert sum(len(targets) for _, targets, _ in found) == source.examples("test")


@pytest.mark.parametrize(("more", "fits"), [(0, True), (-1, False)], ids=["as much", "a byte less"])
def test_a_dataset_stays_in_memory_when_its_training_and_validation_files_fit(more: int, fits: bool, source: Dataset) -> None:
    size = sum(path.stat().st_size for split in ("train", "validation") for path in map(Path, source.shards(split)))
    assert fits_in_memory(source, most_bytes=size + more) is fits


def test_a_split_is_read_once(source: Dataset) -> None:
    batches(source)
    kept = dict(source.kept)
    batches(source, epochs=range(1, 2))
    assert [source.kept[key] is kept[key] for key in source.kept] == [True]


def test_what_is_kept_of_a_dataset_is_its_own(dataset: Path) -> None:
    batches(open_dataset(dataset))
    assert open_dataset(dataset).kept == {}


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A dataset of 30 pairs: a text of 2 tokens beside one of 1, 4 or 7."""
    place = tmp_path_factory.mktemp("pairs")
    rows = [{"text": f"odd {i}", "text_pair": "so " * (1 + 3 * (i % 3)), "label": "ab"[i % 2]} for i in range(30)]
    (place / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    settings = PreprocessSettings(task="pair", files=[str(place / "pairs.jsonl")], min_frequency=1, validation_share=0.0, test_share=0.0)
    preprocess(settings, place / "dataset", overwrite=False)
    return open_dataset(place / "dataset")


def of_two(source: Dataset, limits: list[int]) -> list[Any]:
    found = evaluation_batches(source, Pair(source.labels), "train", batch_size=8, limits=limits)
    return [inputs for inputs, _, _ in found]


def test_an_example_is_as_long_as_its_longest_feature(pairs: Dataset) -> None:
    assert length_histogram(pairs, Pair(pairs.labels), "train") == {2: 10, 4: 10, 7: 10}


def test_several_features_are_named(pairs: Dataset) -> None:
    assert set(of_two(pairs, [7])[0]) == {"token_ids", "pair_token_ids"}


def test_each_feature_is_padded_to_a_limit_of_its_own(pairs: Dataset) -> None:
    # examples of length 2, of 4, and of 7; first texts have 2 tokens, second ones 1, 4 or 7
    shapes = {(batch["token_ids"].shape[1], batch["pair_token_ids"].shape[1]) for batch in of_two(pairs, [3, 5, 9])}
    assert shapes == {(3, 3), (3, 5), (3, 9)}


def test_the_counted_steps_are_the_batches_of_two_features(pairs: Dataset) -> None:
    histogram = length_histogram(pairs, Pair(pairs.labels), "train")
    limits = bucket_limits(histogram)
    assert len(of_two(pairs, limits)) == count_steps(histogram, limits, batch_size=8)


def test_balanced_weights_make_labels_count_the_same() -> None:
    # 4 examples, 2 labels: 4 / (2 * 3) and 4 / (2 * 1)
    assert balanced_label_weights({"a": 3, "b": 1}) == pytest.approx([2 / 3, 2.0])


def test_pad_fills_on_the_right_and_cuts_what_is_too_long() -> None:
    assert pad([[5], [6, 7, 8]], length=2, pad_id=0).tolist() == [[5, 0], [6, 7]]


def test_batches_for_two_devices_are_filled_up_with_examples_of_no_weight() -> None:
    odd = tf.data.Dataset.from_tensors((tf.ones((3, 5), tf.int32), tf.ones((3, 2)), tf.ones(3)))
    token_ids, targets, weights = next(iter(share_evenly(odd, 2)))
    assert (token_ids.shape, targets.shape) == ((4, 5), (4, 2))
    # the mean of 4 weighted losses is the mean of the 3 before: 4 / 3 * 3 / 4
    np.testing.assert_allclose(weights, [4 / 3, 4 / 3, 4 / 3, 0.0])


def test_one_device_gets_the_batches_as_they_are() -> None:
    batches_of_one = tf.data.Dataset.from_tensors((tf.ones((3, 5), tf.int32), tf.ones((3, 2)), tf.ones(3)))
    assert share_evenly(batches_of_one, 1) is batches_of_one


def test_numbered_batches_are_the_same_batches_with_the_place_of_each_example(source: Dataset) -> None:
    task, limits = Sentiment(source.labels), bucket_limits(source.length_histogram("validation"))
    plain = list(evaluation_batches(source, task, "validation", batch_size=3, limits=limits))
    numbered = list(numbered_batches(source, task, "validation", batch_size=3, limits=limits))
    for (inputs, targets, _), (same_inputs, same_targets, _, _) in zip(plain, numbered, strict=True):
        np.testing.assert_array_equal(inputs, same_inputs)
        np.testing.assert_array_equal(targets, same_targets)


def test_places_are_those_in_which_examples_are_stored(source: Dataset) -> None:
    task, limits = Sentiment(source.labels), bucket_limits(source.length_histogram("validation"))
    stored = [example.features["token_ids"].tolist() for example in source.read("validation")]
    batches = numbered_batches(source, task, "validation", batch_size=3, limits=limits)
    found = {int(place): [int(i) for i in row if i] for inputs, _, _, places in batches for row, place in zip(inputs.numpy(), places, strict=True)}
    assert [found[place] for place in range(len(stored))] == stored
