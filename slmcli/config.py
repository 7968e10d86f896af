"""Settings of every command: frozen models, one default each, unknown keys refused with the nearest name."""

import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar  # Any: values as they come from a YAML file

import pydantic
from pydantic import Field
from pydantic.fields import FieldInfo

from slmcli.errors import ConfigError
from slmcli.registry import hint

SettingsType = TypeVar("SettingsType", bound="Settings")


class Settings(pydantic.BaseModel):
    """Base of all settings: immutable, strict about names."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)

    @pydantic.field_validator("*", mode="before")
    @classmethod
    def _a_truth_value_is_no_number(cls, value: Any, info: pydantic.ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[str(info.field_name)].annotation is not bool:
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


class CleaningSettings(Settings):
    """What happens to a text before it is split into tokens."""

    unicode_form: Literal["NFC", "NFKC", "none"] = Field("NFKC", description="Unicode normalisation form")
    markup: bool = Field(True, description="remove HTML tags and resolve entities")
    lowercase: bool = Field(True, description="fold upper case to lower case")


class TokenizerSettings(Settings):
    """How a cleaned text becomes tokens."""

    tokenizer: str = Field("word", description="tokenizer")
    splitter: Literal["regexp", "wordpunct", "treebank", "tweet", "toktok"] = Field(
        "regexp", description="NLTK tokenizer behind `word`; regexp and wordpunct need no NLTK at inference"
    )
    vocabulary_size: int = Field(30_000, ge=3, description="most entries in the vocabulary, padding and unknown included")
    min_frequency: int = Field(2, ge=1, description="occurrences in the training texts that a token needs to enter the vocabulary")


class EncodingSettings(Settings):
    """How many tokens of a text a model sees."""

    max_length: int = Field(600, ge=1, le=1_000_000, description="tokens of a text that are kept")
    truncation: Literal["head", "tail", "head_tail"] = Field(
        "head_tail", description="which tokens of a longer text stay: the first, the last, or a quarter of the first and the rest from the end"
    )


class PreprocessSettings(CorpusSettings, CleaningSettings, TokenizerSettings, EncodingSettings):
    """`slm preprocess`: from corpus files to an encoded dataset."""

    task: str = Field("sentiment", description="what the model will be trained to do")
    files: list[str] = Field([], description="corpus files or folders [the sample corpus]")
    sample: Literal["en", "zh"] = Field("en", description="language of the sample corpus, used when no files are given")
    validation: str | None = Field(None, description="corpus file of validation examples [split from the training files]")
    test: str | None = Field(None, description="corpus file of test examples [split from the training files]")
    validation_share: float = Field(0.1, ge=0.0, lt=1.0, description="share of the training files to validate on when there is no validation file")
    test_share: float = Field(0.1, ge=0.0, lt=1.0, description="share of the training files to test on when there is no test file")
    drop_overlap: bool = Field(False, description="drop validation and test texts that also stand in the training split")
    unknown_labels: Literal["error", "skip"] = Field("error", description="what to do with a label that no training example has")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="seed of the split")

    @pydantic.model_validator(mode="after")
    def _shares_leave_something_to_train_on(self) -> "PreprocessSettings":
        if self.validation_share + self.test_share >= 1.0:
            raise ValueError(f"validation_share ({self.validation_share}) and test_share ({self.test_share}) must add up to less than 1")
        return self


class CheckSettings(CorpusSettings, CleaningSettings, TokenizerSettings, EncodingSettings):
    """`slm check`: the data report."""

    task: str = Field("sentiment", description="what the model will be trained to do")
    files: list[str] = Field([], description="corpus files or folders [the sample corpus]")
    sample: Literal["en", "zh"] = Field("en", description="language of the sample corpus, used when no files are given")
    validation: str | None = Field(None, description="corpus file of validation examples")
    test: str | None = Field(None, description="corpus file of test examples")


class HeadSettings(Settings):
    """What stands between the backbone and the labels."""

    head: Literal["pool", "flatten"] = Field(
        "pool", description="pool: masked pooling over all positions; flatten: max pooling in windows, flattened, for a fixed length"
    )
    pooling: Literal["max", "mean", "sqrtn", "max_mean", "max_sqrtn"] | None = Field(
        None, description="how `--head pool` turns positions into one vector [max_mean for a large corpus, max_sqrtn for a small one]"
    )
    pool_size: int = Field(5, ge=1, description="window of `--head flatten`, in positions")
    dense: int = Field(0, ge=0, description="units of a hidden layer before the labels; 0: none")
    dropout: float = Field(0.5, ge=0.0, lt=1.0, description="share of pooled features dropped in training")


class OptimizerSettings(Settings):
    """How weights are changed."""

    learning_rate: float | None = Field(None, gt=0.0, description="highest learning rate [0.002 for a large corpus, 0.001 for a small one]")
    optimizer: Literal["adam", "sparse_adam"] | None = Field(
        None, description="sparse_adam moves only the token vectors of the batch [sparse_adam for a large corpus, adam for a small one]"
    )
    schedule: Literal["cosine", "linear", "constant"] = Field("cosine", description="how the learning rate falls after the warm-up")
    warmup: float = Field(0.05, ge=0.0, lt=1.0, description="share of all steps in which the learning rate rises from 0")
    clip_norm: float = Field(1.0, ge=0.0, description="largest norm of all gradients together; 0: no clipping")
    label_smoothing: float = Field(0.0, ge=0.0, lt=1.0, description="probability spread evenly over all labels in the training targets")
    class_weights: bool = Field(False, description="weigh examples by the inverse frequency of their label")


class InitialSettings(Settings):
    """What the token vectors know before training."""

    initial_embedding: Literal["naive_bayes", "uniform"] | None = Field(
        None,
        description="naive_bayes: some values of a token's vector start with what the token says about the labels; uniform: chance "
        "[uniform for a large corpus, naive_bayes for a small one]",
    )


class FinetuneSettings(HeadSettings, OptimizerSettings, InitialSettings):
    """`slm finetune`: from a dataset to a trained model. Backbone settings stand beside these, at the same level."""

    task: str = Field("sentiment", description="what the model is trained to do")
    backbone: str = Field("conv", description="architecture")
    epochs: int | None = Field(
        None, ge=1, le=100_000, description="passes over the training examples [5 for 22,000 examples or more, up to 30 for fewer]"
    )
    batch_size: int | None = Field(None, ge=1, description="examples a step [64 for a large corpus, 32 for a small one]")
    patience: int = Field(3, ge=1, description="epochs without a better validation score before training stops")
    monitor: Literal["loss", "accuracy"] = Field("loss", description="validation score that decides which epoch is best")
    max_minutes: float | None = Field(None, gt=0.0, description="stop after this many minutes of training, keeping the best epoch")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="arithmetic of training; auto: bfloat16 where the processor has matrix units for it"
    )
    threads: int = Field(0, ge=0, le=4096, description="processor threads; 0: all. Another number may change the last bits of a result")
    checkpoint_minutes: float = Field(2.0, gt=0.0, description="minutes between checkpoints inside an epoch")
    tensorboard: bool = Field(True, description="write a TensorBoard log")
    licence: str = Field("unspecified", description="licence of the model, for its card")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="seed of weights, dropout and the order of examples")


class EvaluateSettings(CorpusSettings):
    """`slm evaluate`: scores, intervals and baselines."""

    split: Literal["test", "validation", "train"] | None = Field(None, description="split of the dataset [test, or validation when there is none]")
    data: list[str] = Field([], description="corpus files to evaluate on instead of a split")
    batch_size: int = Field(256, ge=1, description="examples a batch")
    baselines: bool = Field(True, description="train the baselines on the same training split")
    require: list[str] = Field([], description="gate such as accuracy=0.9; a lower score ends with exit code 4")
    threads: int = Field(0, ge=0, le=4096, description="processor threads; 0: all")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="seed of the bootstrap")


class ExportSettings(Settings):
    """`slm export`: a bundle in another format, after a parity check."""

    format: str = Field("litert", description="model format")
    quantize: Literal["none", "dynamic"] = Field("none", description="dynamic: weights as 8-bit integers")
    max_drop: float = Field(0.5, ge=0.0, description="accuracy that a quantised model may lose, in points")
    parity_examples: int = Field(2000, ge=1, description="most validation texts in the parity check")


class PredictSettings(CorpusSettings):
    """`slm predict`: labels for texts."""

    texts: list[str] = Field([], description="texts to label")
    input: str | None = Field(None, description="corpus file of texts; - reads lines from standard input")
    batch_size: int = Field(64, ge=1, description="texts a batch")
    threads: int = Field(0, ge=0, le=4096, description="processor threads; 0: all")


SECTIONS: dict[str, type[Settings]] = {
    "preprocess": PreprocessSettings,
    "finetune": FinetuneSettings,
    "evaluate": EvaluateSettings,
    "export": ExportSettings,
    "predict": PredictSettings,
}


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


def read_recipe(path: Path, *, data: str | None = None) -> dict[str, dict[str, Any]]:
    """Read a recipe: YAML with one section a command.

    Args:
        path: The recipe file.
        data: What replaces `{data}` in its strings.

    Raises:
        ConfigError: The file is missing, is not YAML, or has an unknown section.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the recipe cannot be read ({error}). Give the path of a YAML file; `slm init` writes one.") from error
    try:
        document = _load_yaml(text) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}. Correct it, or write a new one with `slm init`.") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: a recipe is a mapping of sections, not {type(document).__name__}. Known sections: {', '.join(SECTIONS)}.")
    for section, values in document.items():
        if section not in SECTIONS:
            raise ConfigError(f"{path}: section {section!r} is unknown. Known: {', '.join(SECTIONS)}.{hint(section, SECTIONS)}")
        if values is not None and not isinstance(values, dict):
            raise ConfigError(f"{path}: section {section!r} is {values!r}; it must be a mapping of settings.")
    if not document:
        raise ConfigError(f"{path}: the recipe is empty. Give it a section such as preprocess or finetune; `slm init` writes a complete one.")
    try:
        return {section: _fill(values or {}, data, path) for section, values in document.items()}
    except RecursionError as error:
        raise ConfigError(f"{path}: a YAML anchor refers to itself. Write the value out.") from error


def _load_yaml(text: str) -> Any:  # Any: a YAML value
    """Load YAML safely, refusing a key that stands twice, of which YAML would silently keep the last."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = [str(self.construct_object(key)).replace("-", "_") for key, _ in node.value]
            repeated = next((key for key in keys if keys.count(key) > 1), None)
            if repeated is not None:
                raise ValueError(f"{repeated!r} stands twice{node.start_mark!s}")
            return super().construct_mapping(node, deep)

    return yaml.load(text, Loader)  # noqa: S506  (a SafeLoader)


def _fill(value: Any, data: str | None, path: Path) -> Any:  # Any: a YAML value
    if isinstance(value, dict):
        return {key: _fill(item, data, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, data, path) for item in value]
    if isinstance(value, str) and "{data}" in value:
        if data is None:
            raise ConfigError(f"{path} needs a data directory: pass --data-dir DIR, which replaces {{data}} in {value!r}.")
        return value.replace("{data}", data)
    return value


def to_yaml(document: Mapping[str, Any]) -> str:
    """Return settings as YAML text, in their own order."""
    import yaml

    return yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)
