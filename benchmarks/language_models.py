"""Pretraining, transfer and generation: python benchmarks/language_models.py --data DIR [--only NAME … --work DIR --peers DIR --peer-python PATH].

DIR holds the folders of public data sets (tinyshakespeare, wikitext103_head, imdb, chnsenticorp). With --peer-python, an environment with
PyTorch, gensim and NLTK, other programs take turns with ours; --peers is the directory of torch_char_lm.py. Prints one JSON object a line
for each figure; `--only list` names them. Test splits are judged once, at the end, with the settings that are written here.
"""

import argparse
import gzip
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LABELS = 500
# the recipe of torch_char_lm.py --model gpt, in our names
SHAPE = {"backbone": "transformer", "blocks": 4, "heads": 4, "width": 128, "embedding": 128, "feed-forward": 512, "activation": "gelu"}
PLACES = {"positions": "learned", "position-limit": 64, "context": 64, "batch-size": 12, "validations": 1}
LEARNING = {"block-dropout": 0, "embedding-dropout": 0, "dropout": 0, "learning-rate": 0.001, "weight-decay": 0.1, "beta-2": 0.99}
GPT = [
    "--no-tie-embedding",
    "--no-tensorboard",
    *(str(part) for name, value in {**SHAPE, **PLACES, **LEARNING}.items() for part in (f"--{name}", value)),
]

# chosen on validation reviews (docs/decisions.md)
FASTSENT = ("--objective", "fastsent")
NARROW = (*FASTSENT, "--embedding", 128)
ONE_WORD = ("--widths", 1, "--pooling", "sqrtn", "--embedding", 256)
SHAPES = {"conv": ("--backbone", "conv", *ONE_WORD), "bag_conv": ("--backbone", "bag+conv", *ONE_WORD), "default": ()}
CHINESE = ("--tokenizer", "chinese", "--cleaning", "nfkc,lowercase,whitespace")
WORDS = ("--max-minutes", 7, "--batch-size", 32, "--dropout", 0.5, "--embedding-dropout", 0.4, "--weight-dropout", 0.4, "--patience", 10)


class Place:
    """Where data and outputs are, and how programs are run."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.data, self.work = options, options.data, options.work
        self.work.mkdir(parents=True, exist_ok=True)

    def slm(self, command: str, *arguments: Any) -> dict[str, Any]:
        """Run a command of slm, and return what --json prints."""
        words = [sys.executable, "-m", "slmcli", command, *map(str, arguments), "--json", "--quiet"]
        result = subprocess.run(words, check=True, capture_output=True, text=True)
        return json.loads(result.stdout)

    def peer(self, *arguments: Any) -> dict[str, Any]:
        """Run a Python program in the environment of the peers."""
        words = [str(self.options.peer_python), *map(str, arguments)]
        return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)

    def preprocess(self, name: str, *arguments: Any) -> Path:
        """Make a dataset, or find it made."""
        path = self.work / name
        self.slm("preprocess", *arguments, "--out", path)
        return path

    def characters(self) -> Path:
        """Return the character corpus as one document, with its own validation text."""
        folder = self.data / "tinyshakespeare"
        form = ("--task", "language-model", "--tokenizer", "character", "--document", "file", "--test-share", 0)
        return self.preprocess("shakespeare", folder / "train.txt.gz", "--validation", folder / "valid.txt.gz", *form)

    def reviews(self) -> Path:
        """Return all labelled reviews, with those that nobody has labelled."""
        folder = self.data / "imdb"
        files = (folder / "train.jsonl.gz", "--test", folder / "test.jsonl.gz", "--unlabelled", folder / "unsup.jsonl.gz")
        return self.preprocess("reviews", *files, "--task", "sentiment")

    def few(self, name: str, source: Path, test: Path, base: Path) -> Path:
        """Return a dataset of a few labelled texts, whose tokens are those of a pretrained run."""
        chosen = self.work / f"{name}.jsonl"
        if not chosen.exists():
            with gzip.open(source, "rt", encoding="utf-8") as lines:
                rows = [line for line in lines if json.loads(line).get("label")]
            chosen.write_text("".join(random.Random(0).sample(rows, LABELS)), encoding="utf-8")
        form = ("--task", "sentiment", "--tokenizer-from", base, "--validation-share", 0.2, "--test", test)
        return self.preprocess(name, chosen, *form)


def within(place: Place, minutes: float, *more: Any) -> dict[str, Any]:
    """Train the character model for some minutes."""
    result = place.slm("pretrain", place.characters(), "--max-minutes", minutes, *more, "--out", place.work / f"characters-{minutes}", "--overwrite")
    kept = {name: result[name] for name in ("seconds", "tokens_per_second", "parameters")}
    return {**kept, "nats_per_character": result["scores"]["nats_per_character"], "interval": result["intervals"]["nats_per_character"]}


def characters_3(place: Place) -> dict[str, Any]:
    """Three minutes of characters."""
    return within(place, 3)


def characters_15(place: Place) -> dict[str, Any]:
    """Fifteen minutes of characters."""
    return within(place, 15, "--units", 768, "--dropout", 0.5)


def beside_pytorch(place: Place) -> dict[str, Any]:
    """The teaching recipe of a small GPT: tokens a second, ours and PyTorch's in turns."""
    dataset, folder = place.characters(), place.data / "tinyshakespeare"
    ours, theirs = [], []
    for number in range(place.options.pairs):
        theirs.append(place.peer(place.options.peers / "torch_char_lm.py", folder / "train.txt.gz", folder / "valid.txt.gz", "--steps", 700))
        ours.append(place.slm("pretrain", dataset, *GPT, "--epochs", 1, "--out", place.work / "gpt", "--overwrite", "--seed", number))
    rates = [[each["tokens_per_second"] for each in side] for side in (ours, theirs)]
    losses = [round(each["scores"]["nats_per_character"], 4) for each in ours], [each["validation_loss"] for each in theirs]
    return {"tokens_per_second": rates, "losses": losses, "ratio": round(statistics.median(rates[0]) / statistics.median(rates[1]), 2)}


def words_beside_kneser_ney(place: Place) -> dict[str, Any]:
    """Word-level perplexity beside Kneser-Ney 5-grams with the same vocabulary: the same words and ends of lines are predicted."""
    folder = place.data / "wikitext103_head"
    train, valid = (_joined(folder / f"{name}.txt.gz", place.work / f"wikitext-{name}.txt") for name in ("train", "valid"))
    form = (
        "--task",
        "language-model",
        "--document",
        "file",
        "--tokenizer",
        "word",
        "--cleaning",
        "none",
        "--splitter",
        "space",
        "--min-frequency",
        2,
    )
    dataset = place.preprocess("wikitext", train, "--validation", valid, "--test-share", 0, *form)
    result = place.slm("pretrain", dataset, *WORDS, "--out", place.work / "wikitext-run", "--overwrite")
    kept = {name: result[name] for name in ("seconds", "tokens_per_second", "parameters")}
    return {**kept, "perplexity": result["scores"]["perplexity"], "interval": result["intervals"]["perplexity"]}


def _joined(source: Path, target: Path) -> Path:
    """Write articles as one text, whose lines end with a word of their own, so that a state lives on where an n-gram begins anew."""
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        target.write_text("".join(f"{line.strip()} </s>\n" for line in lines if line.strip()), encoding="utf-8")
    return target


def generation(place: Place) -> dict[str, Any]:
    """Writing 256 tokens, each in constant work, and by reading everything again for each."""
    run = place.work / "characters-3"
    if not run.exists():
        within(place, 3)
    from slmcli.bundle import open_language_bundle
    from slmcli.formats.keras import load_model
    from slmcli.language_model_config import SamplingSettings
    from slmcli.writing import Writer

    bundle = open_language_bundle(run)
    writer, drawing = Writer(bundle), SamplingSettings(max_tokens=256, min_tokens=256, temperature=0.0)
    import tensorflow as tf

    model = load_model(bundle.path)
    whole = tf.function(lambda ids: model(ids, training=False)[:, -1], input_signature=[tf.TensorSpec([1, None], tf.int32)])

    def again() -> None:
        ids = [3]
        for _ in range(256):
            ids.append(int(tf.argmax(whole(tf.constant([ids]))[0])))

    def cached() -> None:
        list(writer.write("", drawing))

    times = {name: _times(run_once, place.options.pairs) for name, run_once in (("cached", cached), ("again", again))}
    return {**times, "ratio": round(statistics.median(times["again"]) / statistics.median(times["cached"]), 1)}


def _times(run_once: Callable[[], None], pairs: int) -> list[float]:
    run_once()
    found = []
    for _ in range(pairs):
        started = time.perf_counter()
        run_once()
        found.append(round(time.perf_counter() - started, 3))
    return found


def pretrained_reviews(place: Place, name: str, vectors: tuple[Any, ...]) -> Path:
    """Return a run that has read all reviews without their labels, or find it made."""
    run = place.work / f"reviews-{name}"
    place.slm("pretrain", place.reviews(), *vectors, "--out", run)
    return run


def reviews(place: Place) -> dict[str, Any]:
    """Sentiment of all reviews after pretraining on them: accuracy on the test split, minutes in all."""
    started = time.perf_counter()
    run, out = pretrained_reviews(place, "narrow", NARROW), place.work / "reviews-finetuned"
    place.slm("finetune", place.reviews(), "--init-from", run, "--out", out, "--overwrite")
    minutes = (time.perf_counter() - started) / 60
    return {"minutes": round(minutes, 1), "scores": place.slm("evaluate", out, "--no-baselines")["scores"]}


def taught_reviews(place: Place) -> dict[str, Any]:
    """Sentiment of reviews of films that no training review is about, with and without a teacher: accuracy and log loss on validation."""
    found = {}
    for preset in ("fast", "balanced"):
        for rounds in (0, 1):
            scores = _films(place, "--preset", preset, "--self-training", rounds)
            found[f"{preset}, {'a teacher' if rounds else 'alone'}"] = scores
    return found


def directions(place: Place) -> dict[str, Any]:
    """The same without a teacher, with and without directions from reviews without labels; then with 500 labels, judged by the same reviews."""
    ways: dict[str, tuple[Any, ...]] = {"none": ("--bag-directions", 0), "by itself": ()}
    many = {name: _films(place, "--preset", "fast", *way) for name, way in ways.items()}
    train, validation = _film_files(place)
    labelled, rest = place.work / "films-500.jsonl", place.work / "films-rest.jsonl"
    rows = train.read_text(encoding="utf-8").splitlines(keepends=True)
    random.Random(0).shuffle(rows)
    labelled.write_text("".join(rows[:LABELS]), encoding="utf-8")
    rest.write_text("".join(rows[LABELS:]), encoding="utf-8")
    texts = ("--unlabelled", rest, "--unlabelled", place.data / "imdb" / "unsup.jsonl.gz", "--test", validation, "--validation-share", 0.2)
    dataset = place.preprocess("films-few", labelled, *texts, "--task", "sentiment")
    few: dict[str, Any] = {}
    for preset in ("fast", "balanced"):
        for name, way in ways.items():
            out = place.work / "films-few-run"
            place.slm("finetune", dataset, "--preset", preset, *way, "--out", out, "--overwrite")
            scores = place.slm("evaluate", out, "--no-baselines")["scores"]
            few[f"{preset}, {name}"] = {score: scores[score] for score in ("accuracy", "log_loss")}
    return {"20,000 labels, fast": many, "500 labels": few}


def _film_files(place: Place) -> tuple[Path, Path]:
    files = place.work / "films-train.jsonl", place.work / "films-validation.jsonl"
    _divide_by_film(place.data / "imdb" / "train.jsonl.gz", *files)
    return files


def _films(place: Place, *how: Any) -> dict[str, float]:
    """Train on reviews of films, beside reviews without labels, and return accuracy and log loss on those of others."""
    train, validation = _film_files(place)
    more = ("--validation", validation, "--unlabelled", place.data / "imdb" / "unsup.jsonl.gz", "--test-share", 0)
    dataset = place.preprocess("films", train, *more, "--task", "sentiment")
    scores = place.slm("finetune", dataset, *how, "--out", place.work / "films-run", "--overwrite")["scores"]
    return {name: scores[name] for name in ("accuracy", "log_loss")}


def _divide_by_film(source: Path, training: Path, validation: Path) -> None:
    """Divide reviews by their numbers, which films share that follow each other; those of one label follow the same films as those of the other."""
    if training.exists() and validation.exists():
        return
    with gzip.open(source, "rt", encoding="utf-8") as lines, training.open("w") as first, validation.open("w") as second:
        for row in map(json.loads, lines):
            number = int(row["id"])
            is_held_out = number >= 10_000 if row["label"] == "pos" else 3_125 <= number < 5_625
            text = json.dumps({"text": row["text"], "label": row["label"]})
            (second if is_held_out else first).write(text + "\n")


def few_reviews(place: Place) -> dict[str, Any]:
    """Sentiment from 500 labels, with and without pretraining."""
    folder, run = place.data / "imdb", pretrained_reviews(place, "fastsent", FASTSENT)
    dataset = place.few("few-reviews", folder / "train.jsonl.gz", folder / "test.jsonl.gz", run)
    return _with_and_without(place, dataset, run)


def few_chinese(place: Place) -> dict[str, Any]:
    """Sentiment of Chinese reviews from 500 labels, with and without pretraining on the rest without its labels."""
    folder = place.data / "chnsenticorp"
    texts = place.preprocess("chinese", folder / "train.jsonl.gz", "--task", "language-model", *CHINESE)
    run = place.work / "chinese-pretrained"
    place.slm("pretrain", texts, *FASTSENT, "--subsample", 0.01, "--out", run)
    dataset = place.few("few-chinese", folder / "train.jsonl.gz", folder / "test_nodup.jsonl.gz", run)
    return _with_and_without(place, dataset, run)


def _with_and_without(place: Place, dataset: Path, run: Path) -> dict[str, Any]:
    """Return accuracies and seconds of each shape, of which `default` is what slm trains unless it is told otherwise, and what pretraining gains."""
    return {name: _gain(place, dataset, run, shape) for name, shape in SHAPES.items()}


def _gain(place: Place, dataset: Path, run: Path, shape: tuple[Any, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, begun in (("with", ("--init-from", run)), ("without", ())):
        out = place.work / f"{dataset.name}-{name}"
        scores = [_finetuned(place, dataset, out, *shape, *begun, "--seed", seed) for seed in range(place.options.pairs)]
        found[name] = {"accuracy": [score[0] for score in scores], "seconds": [score[1] for score in scores]}
    medians = [statistics.median(found[name]["accuracy"]) for name in ("with", "without")]
    return {**found, "gain": round(medians[0] - medians[1], 4)}


def _finetuned(place: Place, dataset: Path, out: Path, *more: Any) -> tuple[float, float]:
    trained = place.slm("finetune", dataset, *more, "--out", out, "--overwrite")
    return place.slm("evaluate", out, "--no-baselines")["scores"]["accuracy"], trained["seconds"]


FIGURES = {
    each.__name__.replace("_", "-"): each
    for each in (
        characters_3,
        characters_15,
        beside_pytorch,
        words_beside_kneser_ney,
        generation,
        reviews,
        taught_reviews,
        directions,
        few_reviews,
        few_chinese,
    )
}


def figures(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield each figure that was asked for."""
    place = Place(options)
    for name in options.only or FIGURES:
        yield {"figure": name, **FIGURES[name](place)}


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--only", nargs="+", choices=FIGURES)
    parser.add_argument("--work", type=Path, default=HERE.parent / "work" / "language-models")
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--peer-python", type=Path)
    parser.add_argument("--pairs", type=int, default=3)
    for figure in figures(parser.parse_args()):
        print(json.dumps(figure), flush=True)


if __name__ == "__main__":
    main()
