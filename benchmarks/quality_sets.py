"""The data sets of benchmarks/quality.py: a literal table, and the files that every program gets.

Every program reads the same JSON Lines with `text` and `label`, uncompressed. With `--split test` they are the published training file and the test
file, with what the table says of both. With `--split validation` the test file is not opened: a part of the training file, or the published
validation file, takes its place.
"""

import gzip
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# text and label
Row = tuple[str, str]

# our choice: which rows a fold holds is part of the measure, so it is the same for every seed of a training
_FOLD_SEED = 0
# our choice: a tenth is what `slm preprocess` keeps too
_VALIDATION_PARTS = 10
# our choice: with few labelled rows, validation inside them says little; so many others of the training file keep a score within a point
_HELD_OUT = 5000


@dataclass(frozen=True)
class Bars:
    """What must and what should be reached.

    `must` and `goal` are scores, or begin with + and are that much above the best other program; `seconds` is the most that the whole pipeline may
    take.
    """

    must: str = ""
    goal: str = ""
    seconds: float | None = None


@dataclass(frozen=True)
class QualitySet:
    """One line of the table.

    Args:
        name: What it is called in results.
        corpus: Directory of DATA.
        task: Task of slm.
        score: What counts: accuracy or macro_f1.
        bars: Preset of `slm finetune` -> bars. These presets are what is run by default; "" is slm's own choice.
        train, validation, test: Names of the files; without validation, it is cut out of the training file.
        language: Chinese texts need other programs than English ones, which have spaces between words.
        folds: More than 1: no test file; so many parts of the training file are the test in turn.
        labelled: More than 0: only so many rows of the training file, drawn anew for every seed.
        left_out: A label whose rows are left out of every file.
        unlabelled: Run a second time, with `TEXTS` as texts without labels.
    """

    name: str
    corpus: str
    task: str
    score: str = "accuracy"
    bars: Mapping[str, Bars] = field(default_factory=dict)
    train: str = "train"
    validation: str = ""
    test: str = "test"
    language: str = "en"
    folds: int = 1
    labelled: int = 0
    left_out: str = ""
    unlabelled: bool = False


@dataclass(frozen=True)
class Files:
    """What a program trains on, chooses on, and is judged on; without a test file the score of validation is what counts."""

    train: Path
    validation: Path | None
    test: Path | None


CLASSIFICATION = (
    QualitySet("imdb", "imdb", "sentiment", bars={"fast": Bars("0.915", "0.920", 60), "balanced": Bars("0.925", "0.932", 600)}),
    QualitySet("imdb_1000", "imdb", "sentiment", bars={"": Bars("0.83", "0.86")}, labelled=1000),
    QualitySet("ag_news", "ag_news", "topic", bars={"": Bars("+0.005", "+0.01")}),
    QualitySet("trec", "trec", "topic", bars={"": Bars("0.92", "0.94")}, unlabelled=True),
    QualitySet("sms_spam", "sms_spam", "topic", "macro_f1", bars={"": Bars("0.975", "0.985")}, train="all", folds=5),
    QualitySet("chnsenticorp", "chnsenticorp", "sentiment", bars={"": Bars("0.915", "0.93")}, validation="valid", test="test_nodup", language="zh"),
    QualitySet("tnews_zh", "tnews_zh", "topic", bars={"": Bars("0.56", "0.58")}, test="valid", language="zh"),
    QualitySet("banking77", "banking77", "topic", bars={"": Bars("+0.01", "0.92")}),
    QualitySet("clinc150", "clinc150", "topic", bars={"": Bars("+0.01", "0.93")}, validation="valid", left_out="oos"),
    QualitySet("financial_phrasebank", "financial_phrasebank", "sentiment", "macro_f1", bars={"": Bars("+0.02")}, validation="valid"),
    QualitySet("tweeteval_emotion", "tweeteval_emotion", "sentiment", "macro_f1", bars={"": Bars()}, validation="valid"),
)

SUITES = {"classification": CLASSIFICATION}

# Texts without labels: file of DATA -> the fields that are texts. Only files to train on, and none of a set's own corpus but those without labels.
TEXTS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "en": {
        "squad_v1_subset/train.jsonl.gz": ("question", "context"),
        "wikitext103_head/train.txt.gz": ("text",),
        "wikiann_en/train.jsonl.gz": ("tokens",),
        "ag_news/train.jsonl.gz": ("text",),
        "bbc_headline/train.jsonl.gz": ("summary", "text"),
        "dailydialog/train.jsonl.gz": ("response",),
        "clinc150/train.jsonl.gz": ("text",),
        "banking77/train.jsonl.gz": ("text",),
        "trec/train.jsonl.gz": ("text",),
        "multi30k_en_de/train.jsonl.gz": ("source",),
        "imdb/unsup.jsonl.gz": ("text",),
    },
    "zh": {
        "chatterbot_corpus/chinese.jsonl.gz": ("response",),
        "weibo_ner_zh/train.jsonl.gz": ("tokens",),
        "tnews_zh/train.jsonl.gz": ("text",),
        "chnsenticorp/train.jsonl.gz": ("text",),
    },
}


def prepare(quality_set: QualitySet, data: Path, directory: Path, *, split: str, seed: int, fold: int) -> Files:
    """Write the files of one measurement into `directory`."""
    names = {"train": quality_set.train, "validation": quality_set.validation, "test": quality_set.test if quality_set.folds == 1 else ""}
    opened = {part: name for part, name in names.items() if name and not (part == "test" and split == "validation")}
    rows = {part: read_rows(data / quality_set.corpus / f"{name}.jsonl.gz", left_out=quality_set.left_out) for part, name in opened.items()}
    directory.mkdir(parents=True, exist_ok=True)
    paths = {}
    for part, members in divide(quality_set, rows, split=split, seed=seed, fold=fold).items():
        paths[part] = directory / f"{part}.jsonl"
        write_rows(paths[part], members)
    return Files(paths["train"], paths.get("validation"), paths.get("test"))


def read_rows(path: Path, *, left_out: str = "") -> list[Row]:
    """Return the rows of a corpus file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [(row["text"], row["label"]) for row in map(json.loads, file)]
    return [(text, label) for text, label in rows if label != left_out]


def write_texts(quality_set: QualitySet, data: Path, path: Path) -> None:
    """Write the texts of other corpora in the language of a set as JSON Lines, each once."""
    texts: dict[str, None] = {}
    for name, fields in TEXTS[quality_set.language].items():
        if name.split("/")[0] == quality_set.corpus and "/unsup" not in name:
            continue
        with gzip.open(data / name, "rt", encoding="utf-8") as file:
            for row in ({"text": line} for line in file) if name.endswith(".txt.gz") else map(json.loads, file):
                found = [row[field] for field in fields]
                texts.update(dict.fromkeys((" ".join(text) if isinstance(text, list) else text).strip() for text in found))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts if text)


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as JSON Lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps({"text": text, "label": label}, ensure_ascii=False) + "\n" for text, label in rows)


def divide(quality_set: QualitySet, rows: Mapping[str, Sequence[Row]], *, split: str, seed: int, fold: int) -> dict[str, list[Row]]:
    """Return the rows of each file of one measurement: train, validation where it is not left to the program, and test where there is one.

    Args:
        quality_set: The set.
        rows: Rows of the corpus's own files: train, and validation and test where it has them.
        split: test or validation.
        seed: Decides what is drawn and cut.
        fold: Which part is the test, from 0.
    """
    train, test = list(rows["train"]), list(rows.get("test", ()))
    if quality_set.folds > 1:
        test, train = take(deal(train, quality_set.folds, seed=_FOLD_SEED), fold)
    if quality_set.labelled:
        train, others = draw(train, quality_set.labelled, seed=seed)
        test = others[:_HELD_OUT] if split == "validation" else test
        return {"train": train, "test": test}
    validation = without(rows.get("validation", ()), train)
    if split == "validation" and not validation:
        validation, train = take(deal(train, _VALIDATION_PARTS, seed=seed), 0)
    found = {"train": train, "validation": validation, "test": test if split == "test" else []}
    return {part: members for part, members in found.items() if members}


def depends_on_seed(quality_set: QualitySet, split: str) -> bool:
    """Return whether another seed makes other files."""
    return bool(quality_set.labelled) or (split == "validation" and not quality_set.validation)


def normal_form(text: str) -> str:
    """Return what equal texts have in common, whatever their case and spacing."""
    return " ".join(text.lower().split())


def deal(rows: Sequence[Row], parts: int, *, seed: int) -> list[list[Row]]:
    """Divide rows into parts, each label evenly, equal texts always together."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(normal_form(row[0]), []).append(row)
    texts = list(groups)
    random.Random(seed).shuffle(texts)
    texts.sort(key=lambda text: groups[text][0][1])  # stable: by label, and by chance inside a label
    dealt: list[list[Row]] = [[] for _ in range(parts)]
    for position, text in enumerate(texts):
        dealt[position % parts] += groups[text]
    return dealt


def take(parts: Sequence[Sequence[Row]], chosen: int) -> tuple[list[Row], list[Row]]:
    """Return the chosen part, and the rows of all others."""
    return list(parts[chosen]), [row for position, part in enumerate(parts) if position != chosen for row in part]


def draw(rows: Sequence[Row], count: int, *, seed: int) -> tuple[list[Row], list[Row]]:
    """Return so many rows at random, and the others in random order; of equal texts only the first is used."""
    unique = list({normal_form(row[0]): row for row in reversed(rows)}.values())
    random.Random(seed).shuffle(unique)
    return unique[:count], unique[count:]


def without(rows: Sequence[Row], others: Sequence[Row]) -> list[Row]:
    """Return the rows whose texts are not among the others."""
    known = {normal_form(text) for text, _ in others}
    return [row for row in rows if normal_form(row[0]) not in known]
