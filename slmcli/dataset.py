"""The encoded dataset: a directory of sharded TFRecord files with everything that made them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any  # Any: a JSON document

import numpy as np

from slmcli.config import EncodingSettings
from slmcli.corpus_identity import SPLITS, TAUGHT, UNLABELLED
from slmcli.errors import DataError, DatasetError
from slmcli.fields import Field
from slmcli.files import read_json, sha256_file, write_json
from slmcli.ngrams import FORMAT_VERSION as NGRAM_FORMAT_VERSION
from slmcli.ngrams import NgramVocabulary
from slmcli.reading import Example
from slmcli.records import Value, decode_example, read_records
from slmcli.tasks.base import Task
from slmcli.tokenizers import TOKENIZERS
from slmcli.tokenizers.base import FORMAT_VERSION as TOKENIZER_FORMAT_VERSION
from slmcli.tokenizers.base import Tokenizer

FORMAT_VERSION = 2
EXAMPLES_PER_SHARD = 25_000


@dataclass(frozen=True)
class EncodedExample:
    """One example as a model sees it, with the text it came from.

    Attributes:
        text: The text as it stood in the corpus.
        label: Its label's name.
        features: Feature name to numbers, as `Task.encode` made them.
        values: Field name to the strings it was made of.
    """

    text: str
    label: str
    features: Mapping[str, np.ndarray]
    values: Mapping[str, list[str]]


@dataclass(frozen=True)
class Dataset:
    """An encoded dataset on disk.

    Attributes:
        path: The directory.
        description: The contents of its dataset.json.
        kept: What was read or counted and may be needed again, by split and names; whoever does it keeps it.
    """

    path: Path
    description: dict[str, Any]
    kept: dict[tuple[str, tuple[str, ...]], Any] = field(default_factory=dict, init=False, repr=False, compare=False)

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

    @property
    def has_soft_labels(self) -> bool:
        """Whether a model has labelled some of the training examples."""
        return TAUGHT in self.description

    @property
    def taught_texts(self) -> int:
        """How many of the training examples a model has labelled."""
        return self.description[TAUGHT]["texts"] if self.has_soft_labels else 0

    @property
    def origin(self) -> str:
        """Fingerprint of the dataset whose texts without labels a model has labelled here; its own where none has."""
        return self.description[TAUGHT]["from"] if self.has_soft_labels else self.fingerprint

    @property
    def unlabelled(self) -> "Dataset | None":
        """Texts without labels that came with the examples, as the training split of a dataset; None when none did."""
        facts = self.description.get(UNLABELLED)
        if not facts:
            return None
        path = self.path / facts["path"]
        if not path.exists():
            raise DatasetError(f"{path} is missing. The dataset is incomplete; make it again with `slm preprocess --overwrite`.")
        texts = open_dataset(path)
        if texts.description["tokenizer_fingerprint"] != self.description["tokenizer_fingerprint"]:
            raise DatasetError(f"{path} was made with another tokenizer than {self.path}. Make the dataset again with `slm preprocess --overwrite`.")
        return texts

    @property
    def finds_ngrams_in_texts(self) -> bool:
        """Whether the texts without labels hold n-grams, as the examples do."""
        return bool((self.description.get(UNLABELLED) or {}).get("has_ngrams"))

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

    def load_ngrams(self) -> NgramVocabulary | None:
        """Return the n-grams whose ids the examples hold as `ngram_ids`; None when they hold none."""
        path = self.path / "ngrams.json"
        return NgramVocabulary.from_json(read_json(path, format_version=NGRAM_FORMAT_VERSION), str(path)) if path.is_file() else None

    def read(self, split: str) -> Iterator[EncodedExample]:
        """Yield the examples of a split in the order in which they are stored."""
        for record in self.read_records(split):
            yield self.decode(record)

    def read_records(self, split: str) -> Iterator[bytes]:
        """Yield the records of a split as bytes, in the order in which they are stored."""
        for path in self.shards(split):
            yield from read_records(Path(path))

    def read_examples(self, split: str, fields: Sequence[Field]) -> Iterator[Example]:
        """Yield the examples of a split as they stood in the corpus, in the order in which they are stored."""
        for row, encoded in enumerate(self.read(split), 1):
            yield Example(read_values(encoded, fields), str(self.path), row)

    def decode(self, record: bytes) -> EncodedExample:
        """Return the example that a record of a shard holds."""
        features: dict[str, Any] = decode_example(record)
        raw = {name: value for name, value in features.items() if not isinstance(value, np.ndarray)}
        values: dict[str, Any] = {name: [item.decode("utf-8") for item in value] for name, value in raw.items()}
        label = self.labels[int(features["label"][0])] if "label" in features else ""
        text = values.get("text", [""])[0]
        return EncodedExample(text, label, {name: value for name, value in features.items() if name not in raw}, values)


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


def shard_name(split: str, shard: int, shards: int) -> str:
    """Return the file name of a shard."""
    return f"{split}-{shard:05d}-of-{shards:05d}.tfrecord"


def record_features(task: Task, example: Example, features: Mapping[str, np.ndarray]) -> dict[str, Value]:
    """Return all that a record holds: the features, and the values they were made of, as UTF-8.

    A list of strings is a feature of several values; what is neither text nor list stands as JSON.
    """
    raw = {field.name: example.values.get(field.name) for field in task.fields if field.name not in features and field.kind != "number"}
    return {**features, **{name: _raw(value) for name, value in raw.items()}}


def read_values(encoded: EncodedExample, fields: Sequence[Field]) -> dict[str, Any]:
    """Return the values of an example's fields as they stood in the corpus."""
    return {field.name: _read_back(field, encoded) for field in fields}


def _read_back(field: Field, encoded: EncodedExample) -> Any:
    """Return the value of a field of a usable example, from what `record_features` has put in its place."""
    if field.kind == "number":
        return float(encoded.features[field.name][0])
    if field.kind == "label":
        return encoded.label
    values = encoded.values[field.name]
    if field.kind == "text":
        return values[0] if values else ""
    return json.loads(values[0]) if field.kind == "answers" else values


def _raw(value: Any) -> list[bytes]:
    if value is None:
        return []
    items = value if isinstance(value, list) else [value]
    texts = [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in items]
    return [text.encode("utf-8", "replace") for text in texts]


def write_description(directory: Path, *, tokenizer: Tokenizer, labels: Sequence[str], description: Mapping[str, Any]) -> dict[str, Any]:
    """Write tokenizer, labels and dataset.json beside the shards; return what dataset.json says.

    Args:
        directory: Where the shards are.
        tokenizer: The tokenizer that encoded them.
        labels: Label names in the order of their ids.
        description: What else dataset.json shall say: task, fingerprint, settings, sources, encoding, examples, label_counts,
            tokens, length_histogram, shards.
    """
    document = {
        "format_version": FORMAT_VERSION,
        **description,
        "labels": list(labels),
        "vocabulary_size": len(tokenizer.vocabulary),
        "tokenizer_fingerprint": tokenizer.fingerprint,
    }
    write_json(directory / "tokenizer.json", tokenizer.to_json())
    write_json(directory / "labels.json", {"format_version": FORMAT_VERSION, "labels": list(labels)})
    write_json(directory / "dataset.json", document)
    return document
