"""Settings of every command: frozen models, one default each, unknown keys refused with the nearest name."""

import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar  # Any: values as they come from a YAML file

import pydantic
from pydantic import Field
from pydantic.fields import FieldInfo

from slmcli.cleaning_steps import CLEANING_STEPS, check_steps, is_text_or_texts
from slmcli.errors import ConfigError
from slmcli.registry import hint

SettingsType = TypeVar("SettingsType", bound="Settings")


class Settings(pydantic.BaseModel):
    """Base of all settings: immutable, strict about names."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _a_truth_value_is_no_number(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        if isinstance(value, bool) and without_none(cls.model_fields[str(info.field_name)]) is not bool:
            raise ValueError("a truth value is neither a number nor a text here")
        return value

    def narrow(self, model: type[SettingsType]) -> SettingsType:
        """Return the part of these settings that `model` describes."""
        return model(**{name: getattr(self, name) for name in model.model_fields if hasattr(self, name)})


def without_none(field: FieldInfo) -> Any:  # Any: a type annotation
    """Return a field's type, leaving out that it may be None."""
    members = [member for member in typing.get_args(field.annotation) if member is not type(None)]
    is_optional = typing.get_origin(field.annotation) in (types.UnionType, typing.Union)
    return members[0] if is_optional else field.annotation


def ordered_fields(model: type[Settings]) -> dict[str, FieldInfo]:
    """Return a model's fields, its own before those it shares with others."""
    own = vars(model).get("__annotations__", {})
    return dict(sorted(model.model_fields.items(), key=lambda item: item[0] not in own))


def choices_of(field: FieldInfo) -> tuple[str, ...]:
    """Return the names a field may take, none when it is not a choice."""
    annotation = without_none(field)
    return typing.get_args(annotation) if typing.get_origin(annotation) is typing.Literal else ()


class CorpusSettings(Settings):
    """How to read labelled text."""

    text_column: str | None = Field(None, description="column with the text [guessed from the names]")
    label_column: str | None = Field(None, description="column with the label [guessed from the names]")
    encoding: str = Field("utf-8", description="character encoding of text files")
    header: bool = Field(True, description="csv and tsv files start with a line of column names; without it, columns are 1, 2, ...")
    format: str | None = Field(None, description="corpus format [found by the file's name and content]")
    document: Literal["line", "paragraph", "file"] | None = Field(
        None, description="what one text of a plain text file is; between paragraphs stand empty lines [line; file in a folder of text files]"
    )
    column: list[str] = Field([], description="FIELD=NAME: the column that holds a field of the task, such as source=en")
    label_separator: str | None = Field(None, description="what stands between the labels of one cell [guessed]")


class CleaningSettings(Settings):
    """What happens to a text before it is split into tokens."""

    cleaning: list[str] = Field(
        ["markup", "nfkc", "lowercase", "whitespace"],
        description="cleaning steps in their order, with commas between them; none: no step. Known: " + ", ".join(CLEANING_STEPS),
    )

    @pydantic.field_validator("cleaning", mode="before")
    @classmethod
    def _steps_are_known(cls, steps: Any) -> Any:  # Any: what stands in a file, pydantic checks its type
        return check_steps(steps) if is_text_or_texts(steps) else steps


class TokenizerSettings(Settings):
    """How a cleaned text becomes tokens."""

    tokenizer: str = Field("auto", description="tokenizer; auto: chosen by task and script")
    splitter: Literal["regexp", "wordpunct", "space", "treebank", "tweet", "toktok"] = Field(
        "regexp", description="how `word` finds words: regexp, wordpunct; space: what stands between spaces; the others are tokenizers of NLTK"
    )
    vocabulary_size: int = Field(30_000, ge=7, description="most entries in the vocabulary, the six special tokens included")
    min_frequency: int = Field(
        2, ge=1, description="occurrences in training texts and those without labels that a token needs to enter the vocabulary"
    )


class EncodingSettings(Settings):
    """How many tokens of a text a model sees."""

    max_length: int = Field(600, ge=1, le=1_000_000, description="tokens of a text that are kept")
    truncation: Literal["head", "tail", "head_tail"] = Field(
        "head_tail", description="which tokens of a longer text stay: the first, the last, or a quarter of the first and the rest from the end"
    )


class NgramSettings(Settings):
    """The stream of n-grams beside the tokens."""

    ngrams: int | None = Field(
        None,
        ge=0,
        le=5,
        description="words in the longest n-gram that becomes a feature, for bags of n-grams; 0: no such features "
        "[3 for long texts and for single signs, else 2; 0 for tasks that have none]",
    )
    subwords: bool | None = Field(None, description="count the 3 to 5 neighbouring characters inside words as n-grams too [on for short texts]")
    ngram_vocabulary_size: int = Field(
        500_000, ge=1, le=10_000_000, description="most n-grams, the frequent ones; each occurs in --min-frequency texts"
    )


class TextSettings(CorpusSettings, TokenizerSettings, EncodingSettings):
    """What `slm check` and `slm preprocess` share: which files, for which task, read and tokenized how."""

    task: str = Field("sentiment", description="what the model will be trained to do")
    files: list[str] = Field([], description="corpus files, patterns or folders [the sample corpus]")
    sample: Literal["en", "zh"] = Field("en", description="language of the sample corpus, used when no files are given")
    validation: str | None = Field(None, description="corpus file of validation examples [split from the training files]")
    test: str | None = Field(None, description="corpus file of test examples [split from the training files]")
    cleaning: list[str] | None = Field(
        None, description="cleaning steps in their order, such as markup,nfkc,lowercase,whitespace, or none [chosen by task and tokenizer]"
    )
    tokenizer_from: str | None = Field(None, description="take the tokenizer of this dataset, run or bundle, or this Hugging Face tokenizer.json")
    workers: int = Field(0, ge=0, le=256, description="processes that read and encode; 0: one for each processor core, for all but small corpora")

    @pydantic.field_validator("cleaning", mode="after")
    @classmethod
    def _steps_are_known(cls, steps: list[str] | None) -> list[str] | None:
        return None if steps is None else check_steps(steps)


class CheckSettings(TextSettings):
    """`slm check`: the data report."""


class PreprocessSettings(TextSettings, NgramSettings):
    """`slm preprocess`: from corpus files to an encoded dataset."""

    validation_share: float = Field(0.1, ge=0.0, lt=1.0, description="share of the training files to validate on when there is no validation file")
    test_share: float = Field(0.1, ge=0.0, lt=1.0, description="share of the training files to test on when there is no test file")
    unlabelled: list[str] = Field(
        [],
        description="file of texts without labels, in the same language; once for each file, pattern in quotes or folder: their words enter the "
        "vocabulary, and what stands beside what in them is what token vectors begin with",
    )
    drop_overlap: bool = Field(False, description="drop validation and test texts that also stand in the training split")
    unknown_labels: Literal["error", "skip"] = Field("error", description="what to do with a label that no training example has")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="seed of the split and of the order of training examples")
    runner: Literal["local", "beam"] = Field("local", description="local: processes of this machine; beam: an Apache Beam pipeline, the same output")
    beam_options: str | None = Field(
        None,
        description='options of the Beam pipeline, such as "--runner=FlinkRunner --flink_master=HOST:8081" [the DirectRunner with two processes]',
    )

    @pydantic.model_validator(mode="after")
    def _beam_options_go_with_beam(self) -> "PreprocessSettings":
        if self.beam_options is not None and self.runner != "beam":
            raise ValueError(f"beam_options ({self.beam_options!r}) go with runner beam, and runner is {self.runner}. Pass --runner beam too")
        if self.beam_options is not None and self.workers:
            raise ValueError(
                f"workers ({self.workers}) and beam_options exclude each other. Say it in the options, such as --direct_num_workers={self.workers}"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _shares_leave_something_to_train_on(self) -> "PreprocessSettings":
        if self.validation_share + self.test_share >= 1.0:
            raise ValueError(f"validation_share ({self.validation_share}) and test_share ({self.test_share}) must add up to less than 1")
        return self


class JudgedSettings(Settings):
    """Which examples models are judged by, and how."""

    split: Literal["test", "validation", "train"] | None = Field(None, description="split of the dataset [test, or validation when there is none]")
    data: list[str] = Field([], description="corpus files to evaluate on instead of a split")
    batch_size: int = Field(256, ge=1, description="examples a batch")
    threads: int = Field(0, ge=0, le=4096, description="processor threads; 0: all")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="seed of all that is drawn: samples of the bootstrap, examples, changes of texts")


class EvaluateSettings(CorpusSettings, JudgedSettings):
    """`slm evaluate`: scores, intervals and baselines."""

    baselines: bool = Field(True, description="train the baselines on the same training split")
    cost: bool = Field(True, description="measure size, speed and memory in a process of its own")
    robustness: bool = Field(False, description="change the texts, with typos, synonyms, negation and more, and see what it costs")
    task: str | None = Field(None, description="what is answered in a file of predictions, when no --dataset says it")
    slice_by: list[str] = Field([], description="column of --data whose values are scored each by itself")
    require: list[str] = Field([], description="gate such as accuracy=0.9 or latency_ms_p95=5; exit code 4 when it is missed")


class CompareSettings(CorpusSettings, JudgedSettings):
    """`slm compare`: whether a difference between models is real, and where it lies."""

    task: str | None = Field(None, description="what is predicted, when nothing but prediction files and --data says it")
    flips: int = Field(10, ge=0, description="examples to show of each kind that one model has right and the other wrong")
    cost: bool = Field(True, description="measure size and speed of each model")
    slice_by: list[str] = Field([], description="column of --data for whose values differences are shown, too")


class ExportSettings(Settings):
    """`slm export`: a bundle in another format, after a parity check."""

    format: str = Field("litert", description="model format")
    quantize: Literal["none", "float16", "dynamic", "int8"] = Field(
        "none", description="float16: weights of 16 bits; dynamic: weights of 8 bits; int8: also what flows between layers"
    )
    standalone: bool = Field(False, description="write predict.py too, which needs numpy and the runtime of the format, and nothing of slm")
    max_drop: float = Field(0.5, ge=0.0, description="accuracy, or what the task's main score is, that a quantised model may lose, in points")
    parity_examples: int = Field(2000, ge=1, description="most validation texts in the parity check")
    calibration_examples: int = Field(500, ge=100, description="int8: most training texts by which the ranges of numbers are found")


class PredictSettings(CorpusSettings):
    """`slm predict`: labels for texts."""

    texts: list[str] = Field([], description="texts to label")
    input: str | None = Field(None, description="corpus file of texts; - reads lines from standard input")
    batch_size: int = Field(64, ge=1, description="texts a batch")
    threads: int = Field(0, ge=0, le=4096, description="processor threads; 0: all")


class ExplainSettings(CorpusSettings):
    """`slm explain`: which words made a model say what it says."""

    texts: list[str] = Field([], description="texts to explain")
    input: str | None = Field(None, description="corpus file of texts; - reads lines from standard input")
    method: str = Field("occlusion", description="how words get their weights; lime and shap need pip install slmcli[explain]")
    label: str | None = Field(None, description="label whose probability is explained [the predicted one]")
    samples: int = Field(
        1000, ge=10, le=1_000_000, description="lime, shap: texts without some of the words that the model is asked about; shap may need more"
    )
    max_words: int = Field(
        400, ge=1, description="words of a text that are weighed by leaving them out; in a longer text neighbouring words share a weight"
    )
    faithfulness: bool = Field(True, description="measure how the model's answer changes as words are left out by weight, and at random")
    counterexample: bool = Field(True, description="look for the fewest words without which, or with synonyms of which, the model decides otherwise")
    top: int = Field(10, ge=1, description="words shown in a table")
    data: list[str] = Field([], description="--global: corpus files [the dataset of the run]")
    split: Literal["test", "validation", "train"] | None = Field(
        None, description="--global: split of the dataset [the first of test, validation, train that there is]"
    )
    texts_drawn: int = Field(100, ge=1, description="--global: most texts that are explained, drawn by the seed")
    batch_size: int = Field(256, ge=1, description="texts a batch")
    threads: int = Field(0, ge=0, le=4096, description="processor threads; 0: all")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="seed of all that is drawn")


def build(model: type[SettingsType], values: Mapping[str, Any], *, source: str) -> SettingsType:
    """Make settings from plain values.

    Args:
        model: The settings model.
        values: Field names (dashes or underscores) to values.
        source: Where the values come from, for the message.

    Raises:
        ConfigError: All that is wrong, at once: unknown names with the nearest known one, values out of range.
    """
    named = {str(key).replace("-", "_"): value for key, value in values.items()}
    problems = [
        f"{source}: {key!r} is not a setting.{hint(key, model.model_fields) or ' Known: ' + ', '.join(model.model_fields) + '.'}"
        for key in named
        if key not in model.model_fields
    ]
    try:
        settings = model(**{key: value for key, value in named.items() if key in model.model_fields})
    except pydantic.ValidationError as error:
        problems += [_describe(detail, source) for detail in error.errors()]
    if problems:
        raise ConfigError("\n".join(problems))
    return settings


def _describe(detail: Any, source: str) -> str:  # Any: pydantic's ErrorDetails
    message = detail["msg"].removeprefix("Value error, ")
    if not detail["loc"]:
        return f"{source}: {message}."
    name = ".".join(str(part) for part in detail["loc"])
    return f"{source}: {name} is {detail['input']!r}: {message[0].lower()}{message[1:]}."
