"""The encoded dataset: a directory of sharded TFRecord files with everything that made them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: a JSON document

from slmcli.config import EncodingSettings
from slmcli.errors import DataError, DatasetError
from slmcli.files import read_json, sha256_file, write_json
from slmcli.tokenizers import TOKENIZERS
from slmcli.tokenizers.base import FORMAT_VERSION as TOKENIZER_FORMAT_VERSION
from slmcli.tokenizers.base import Tokenizer

FORMAT_VERSION = 1
SPLITS = ("train", "validation", "test")
EXAMPLES_PER_SHARD = 25_000


@dataclass(frozen=True)
class EncodedExample:
    """One example as a model sees it, with the text it came from.

    Attributes:
        text: The text as it stood in the corpus.
        label: Its label's name.
        features: Feature name to integers, as `Task.encode` made them.
    """

    text: str
    label: str
    features: Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Dataset:
    """An encoded dataset on disk: `path` and the contents of its dataset.json."""

    path: Path
    description: dict[str, Any]

    @property
    def fingerprint(self) -> str:
        """Hash of the corpus files and of all settings that made the dataset."""
        return self.description["fingerprint"]

    @property
    def task(self) -> str:
        """Name of the task it was made for."""
        return self.description["task"]

    @property
    def labels(self) -> list[str]:
        """Label names; the position is the label id."""
        return self.description["labels"]

    @property
    def encoding(self) -> EncodingSettings:
        """How texts are cut to length."""
        return EncodingSettings(**self.description["encoding"])

    @property
    def splits(self) -> list[str]:
        """Names of the splits that have examples."""
        return [split for split in SPLITS if self.examples(split)]

    def examples(self, split: str) -> int:
        """Return the number of examples in a split."""
        return self.description["examples"][split]

    def label_counts(self, split: str) -> dict[str, int]:
        """Return the number of examples with each label."""
        return self.description["label_counts"][split]

    def length_histogram(self, split: str) -> dict[int, int]:
        """Return how many examples have each length in tokens."""
        return {int(length): count for length, count in self.description["length_histogram"][split].items()}

    def shards(self, split: str) -> list[str]:
        """Return the paths of a split's TFRecord files."""
        hashes = {self.path / name: expected for name, expected in self.description["shards"][split].items()}
        for path, expected in hashes.items():
            if not path.exists():
                raise DatasetError(f"{path} is missing. The dataset is incomplete; make it again with `slm preprocess --overwrite`.")
            if sha256_file(path) != expected:
                raise DatasetError(f"{path} was changed since it was written. Make the dataset again with `slm preprocess --overwrite`.")
        return [str(path) for path in hashes]

    def load_tokenizer(self) -> Tokenizer:
        """Return the tokenizer, refusing one that is not the one the examples were encoded with."""
        tokenizer = read_tokenizer(self.path / "tokenizer.json")
        if tokenizer.fingerprint != self.description["tokenizer_fingerprint"]:
            raise DatasetError(
                f"{self.path}: its examples were encoded with tokenizer {self.description['tokenizer_fingerprint']}, "
                f"but tokenizer.json is {tokenizer.fingerprint}. Make the dataset again with `slm preprocess --overwrite`."
            )
        return tokenizer

    def read(self, split: str) -> Iterator[EncodedExample]:
        """Yield the examples of a split in the order in which they are stored."""
        import tensorflow as tf

        for record in tf.data.TFRecordDataset(self.shards(split)).as_numpy_iterator():
            example = tf.train.Example.FromString(record)
            features = {name: list(value.int64_list.value) for name, value in example.features.feature.items() if name != "text"}
            text = example.features.feature["text"].bytes_list.value[0].decode("utf-8")
            yield EncodedExample(text, self.labels[features["label"][0]], features)


def open_dataset(path: Path) -> Dataset:
    """Open an encoded dataset.

    Raises:
        DatasetError: There is none at `path`.
    """
    if not (path / "dataset.json").exists():
        raise DatasetError(f"{path} is not a dataset: it has no dataset.json. Make one with `slm preprocess FILE --out {path}`.")
    return Dataset(path, read_json(path / "dataset.json", format_version=FORMAT_VERSION))


def read_tokenizer(path: Path) -> Tokenizer:
    """Load a tokenizer from its JSON file."""
    document = read_json(path, format_version=TOKENIZER_FORMAT_VERSION)
    try:
        return TOKENIZERS.load(document["tokenizer"]).from_json(document)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is not a complete tokenizer ({error}). It was edited or damaged; make it again.") from error


def write_dataset(
    directory: Path, *, examples: Mapping[str, Sequence[EncodedExample]], tokenizer: Tokenizer, labels: Sequence[str], description: Mapping[str, Any]
) -> dict[str, Any]:
    """Fill a directory with shards, tokenizer, labels and dataset.json; return what dataset.json says.

    Args:
        directory: An existing, empty directory.
        examples: Split name to its encoded examples, each with a `token_ids` feature.
        tokenizer: The tokenizer that encoded them.
        labels: Label names in the order of their ids.
        description: What else dataset.json shall say: task, fingerprint, settings, sources, encoding.
    """
    document = {
        "format_version": FORMAT_VERSION,
        **description,
        "labels": list(labels),
        "examples": {split: len(examples[split]) for split in SPLITS},
        "label_counts": {split: _count_labels(examples[split], labels) for split in SPLITS},
        "tokens": sum(len(example.features["token_ids"]) for split in SPLITS for example in examples[split]),
        "length_histogram": {split: _histogram(examples[split]) for split in SPLITS},
        "vocabulary_size": len(tokenizer.vocabulary),
        "tokenizer_fingerprint": tokenizer.fingerprint,
        "shards": {split: _write_shards(directory, split, examples[split]) for split in SPLITS},
    }
    write_json(directory / "tokenizer.json", tokenizer.to_json())
    write_json(directory / "labels.json", {"format_version": FORMAT_VERSION, "labels": list(labels)})
    write_json(directory / "dataset.json", document)
    return document


def _count_labels(examples: Iterable[EncodedExample], labels: Sequence[str]) -> dict[str, int]:
    counts = Counter(example.label for example in examples)
    return {label: counts[label] for label in labels}


def _histogram(examples: Iterable[EncodedExample]) -> dict[str, int]:
    counts = Counter(len(example.features["token_ids"]) for example in examples)
    return {str(length): counts[length] for length in sorted(counts)}


def _write_shards(directory: Path, split: str, examples: Sequence[EncodedExample]) -> dict[str, str]:
    import tensorflow as tf

    shards = -(-len(examples) // EXAMPLES_PER_SHARD)
    names = [f"{split}-{shard:05d}-of-{shards:05d}.tfrecord" for shard in range(shards)]
    for shard, name in enumerate(names):
        with tf.io.TFRecordWriter(str(directory / name)) as writer:
            for example in examples[shard * EXAMPLES_PER_SHARD : (shard + 1) * EXAMPLES_PER_SHARD]:
                writer.write(_serialize(example))
    return {name: sha256_file(directory / name) for name in names}


def _serialize(example: EncodedExample) -> bytes:
    import tensorflow as tf

    feature = {name: tf.train.Feature(int64_list=tf.train.Int64List(value=values)) for name, values in example.features.items()}
    text = example.text.encode("utf-8", "replace")
    feature["text"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text]))
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
