"""Tiny real objects that many tests share. What is built once is never changed."""

import gc
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tokenizers import Tokenizer as Library
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors

from slmcli.backbones import BACKBONES
from slmcli.branch_settings import split_settings
from slmcli.cli.main import main
from slmcli.config import PreprocessSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.execution import Execution
from slmcli.members import Training
from slmcli.plan import settle
from slmcli.preprocessing import preprocess
from slmcli.pretraining import pretrain
from slmcli.run import Run
from slmcli.session import Session
from slmcli.training import finetune

GOOD = ("lovely", "warm", "kind", "bright", "tasty", "gentle", "clever", "fresh")
BAD = ("dreadful", "cold", "rude", "dull", "bitter", "noisy", "clumsy", "stale")
THINGS = ("the soup was", "our host was", "her new song is", "that old train felt", "this lamp looks", "my tea tasted")

TINY = {
    "epochs": 2,
    "batch_size": 8,
    "learning_rate": 0.01,
    "dropout": 0.1,
    "tensorboard": False,
}
TINY_LANGUAGE = {"epochs": 3, "validations": 3, "batch_size": 4, "context": 16, "learning_rate": 0.01, "dropout": 0.1, "tensorboard": False}
OF_BRANCHES = {"embedding": 8, "embedding_dropout": 0.1, "filters": 8, "units": 8, "width": 8, "heads": 2, "feed_forward": 8}


def rows() -> list[tuple[str, str]]:
    """Return 96 short texts with their labels."""
    praise = [(f"{thing} {word}", "good") for thing in THINGS for word in GOOD]
    blame = [(f"{thing} {word}", "bad") for thing in THINGS for word in BAD]
    return [row for pair in zip(praise, blame, strict=True) for row in pair]


def stories() -> list[str]:
    """Return 64 texts of three sentences in 18 words: who it is decides what they do, and what they do with what."""
    habits = {"ann": "eats a pear", "bob": "reads a book", "cat": "drinks some milk", "dan": "mends the door", "eve": "paints a wall"}
    names = list(habits)
    chosen = [[names[(i * step + i // 5) % 5] for step in (1, 2, 3)] for i in range(64)]
    return [" . ".join(f"{name} {habits[name]}" for name in three) + " ." for three in chosen]


def write_jsonl(path: Path, examples: Sequence[tuple[str, str]]) -> Path:
    """Write texts and labels as JSON Lines."""
    path.write_text("".join(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n" for text, label in examples), encoding="utf-8")
    return path


def train_tiny(dataset: Path, out: Path, *, backbone: str = "conv", **changes: Any) -> Path:
    """Train for a second; return the run."""
    finetune(open_dataset(dataset), {**TINY, **with_backbone(backbone, **changes)}, out, source="test", resume=False, overwrite=False, report=ignore)
    return out


def pretrain_tiny(dataset: Path, out: Path, *, backbone: str = "lstm", report: Callable[[Any], None] | None = None, **changes: Any) -> dict[str, Any]:
    """Pretrain a language model for a second; return the summary."""
    resume, overwrite = changes.pop("resume", False), changes.pop("overwrite", False)
    values = {**TINY_LANGUAGE, **with_backbone(backbone, **changes)}
    return pretrain(open_dataset(dataset), values, out, source="test", resume=resume, overwrite=overwrite, report=report or ignore)


def train_words(dataset: Path, out: Path, *, report: Callable[[Any], None] | None = None, **changes: Any) -> dict[str, Any]:
    """Train vectors of words for a moment; return the summary."""
    resume, overwrite = changes.pop("resume", False), changes.pop("overwrite", False)
    values = {"objective": "skip-gram", "embedding": 8, "epochs": 3, "tensorboard": False, **changes}
    return pretrain(open_dataset(dataset), values, out, source="test", resume=resume, overwrite=overwrite, report=report or ignore)


def make_session(dataset: Path, place: Path, *, backbone: str = "conv", **changes: Any) -> Session:
    """Return a training of a second that has not begun."""
    plan = settle(split_settings({**TINY, **with_backbone(backbone, **changes)}, source="test"), open_dataset(dataset))
    training = Training(open_dataset(dataset), plan, Run(place), Execution("float32", "test", False, "test", 0))
    return next(member for _, member in training.members() if isinstance(member, Session))


def with_backbone(backbone: str, **changes: Any) -> dict[str, Any]:
    """Return changes and a backbone, small, without what belongs to other backbones."""
    known = {name for branch in backbone.split("+") for name in BACKBONES.load(branch).model_fields}
    of_others = {name for branch in BACKBONES.names() for name in BACKBONES.load(branch).model_fields} - known
    return {name: value for name, value in {**OF_BRANCHES, **changes, "backbone": backbone}.items() if name not in of_others}


def ignore(event: Any) -> None:
    """Take no notice."""


@pytest.fixture(scope="session", autouse=True)
def empty_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache without measurements of this machine, so that no test depends on a user's."""
    place = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLM_CACHE", str(place))
        yield place


@pytest.fixture(scope="module", autouse=True)
def frozen_heap() -> Iterator[None]:
    """Spare the collector what outlives a file of tests: beside TensorFlow a collection takes half a second, and studies ask for many."""
    yield
    if "tensorflow" in sys.modules:
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus file of 96 examples."""
    return write_jsonl(tmp_path_factory.mktemp("corpus") / "reviews.jsonl", rows())


@pytest.fixture(scope="session")
def dataset(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset: 76 training, 10 validation, 10 test examples."""
    out = tmp_path_factory.mktemp("dataset") / "dataset"
    preprocess(PreprocessSettings(files=[str(corpus)], min_frequency=1, max_length=16), out, overwrite=False)
    return out


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of running text: 56 training and 8 validation documents of 15 words."""
    place = tmp_path_factory.mktemp("texts")
    (place / "train.txt").write_text("\n".join(stories()[:56]), encoding="utf-8")
    (place / "validation.txt").write_text("\n".join(stories()[56:]), encoding="utf-8")
    values: dict[str, Any] = {"tokenizer": "word", "min_frequency": 1, "validation": str(place / "validation.txt")}
    preprocess(PreprocessSettings(task="language-model", files=[str(place / "train.txt")], **values), place / "dataset", overwrite=False)
    return place / "dataset"


@pytest.fixture(scope="session")
def language_run(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a language model that has learned the texts."""
    out = tmp_path_factory.mktemp("language") / "run"
    pretrain_tiny(texts, out, epochs=20, units=32, learning_rate=0.03)
    return out


@pytest.fixture(scope="session")
def labelled(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of 64 labelled texts, encoded with the tokenizer of `texts`: whether the first of three people sits still."""
    place = tmp_path_factory.mktemp("labelled")
    examples = [(story, "still" if story.startswith(("ann", "bob")) else "busy") for story in stories()]
    write_jsonl(place / "corpus.jsonl", examples)
    settings = PreprocessSettings(files=[str(place / "corpus.jsonl")], tokenizer_from=str(texts), max_length=20)
    preprocess(settings, place / "dataset", overwrite=False)
    return place / "dataset"


@pytest.fixture(scope="session")
def base_run(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a language model that is small and has hardly learned, for trainings that begin with it."""
    out = tmp_path_factory.mktemp("base") / "run"
    pretrain_tiny(texts, out, epochs=1, validations=1)
    return out


@pytest.fixture(scope="session")
def words_run(texts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of vectors of words, of 8 values each."""
    out = tmp_path_factory.mktemp("words") / "run"
    train_words(texts, out)
    return out


@pytest.fixture(scope="session")
def foreign_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer.json as Hugging Face `tokenizers` writes it: word pieces, lower case, [CLS] and [SEP] around a text, cut at 4."""
    words = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "the", "soup", "was", "warm", "##er", "lovely", "t", "##ea", "."]
    library = Library(models.WordPiece({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    library.add_special_tokens(["[CLS]", "[SEP]", "[PAD]", "<|turn|>"])
    library.normalizer = normalizers.BertNormalizer()
    library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    library.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    library.decoder = decoders.WordPiece()
    library.enable_truncation(4)
    library.enable_padding(length=4)
    path = tmp_path_factory.mktemp("foreign") / "tokenizer.json"
    library.save(str(path))
    return path


@pytest.fixture(scope="session")
def run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished conv run."""
    return train_tiny(dataset, tmp_path_factory.mktemp("run") / "run", epochs=6)


@pytest.fixture(scope="session")
def lstm_run(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished lstm run."""
    return train_tiny(dataset, tmp_path_factory.mktemp("lstm") / "run", backbone="lstm")


@pytest.fixture
def slm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """Call the command line in an empty directory; afterwards messages go where they went before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLM_WORK", raising=False)

    def call(*arguments: str | Path, text: str | None = None) -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], input=text)

    logger = logging.getLogger("slmcli")
    before = logger.level, logger.propagate, logger.handlers
    yield call
    logger.setLevel(before[0])
    logger.propagate, logger.handlers = before[1:]


@pytest.fixture
def python() -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run code in a fresh interpreter."""

    def call(code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)

    return call


def make_numbered(place: Path, task: str, labels: list[str], **values: Any) -> Dataset:
    """Return a dataset of the texts `word0 LABEL`, `word1 LABEL` and so on, without a test split."""
    corpus = write_jsonl(place / "corpus.jsonl", [(f"word{i} {label}", label) for i, label in enumerate(labels)])
    settings = {"validation_share": 0.25, "test_share": 0.0, "min_frequency": 1, **values}
    preprocess(PreprocessSettings(task=task, files=[str(corpus)], **settings), place / "dataset", overwrite=False)
    return open_dataset(place / "dataset")


@pytest.fixture(scope="session")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A dataset whose targets are numbers."""
    return make_numbered(tmp_path_factory.mktemp("scores"), "score", ["1", "2", "3", "4"] * 3)


@pytest.fixture(scope="session")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A dataset of three labels."""
    return make_numbered(tmp_path_factory.mktemp("topics"), "topic", ["a", "b", "c"] * 4)
