"""The programs beside slm in benchmarks/quality.py: what each is called, and the command that runs it on prepared files."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from quality_sets import Files, QualitySet

_CHINESE = Path(__file__).with_name("quality_chinese.py")
# a Han character by itself, a run of letters and digits, or one sign
_CHARACTERS = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[a-z0-9]+|[^\s]")


@dataclass(frozen=True)
class Peer:
    """A program with fixed options.

    `units`, for Chinese alone: what stands between spaces in the files that it gets.
    """

    name: str
    script: str
    options: tuple[str, ...] = ()
    units: str = ""


_LARGER = ("--dim", "50", "--ngrams", "3", "--epochs", "8")

PEERS = {
    "en": (
        Peer("fastText", "fasttext_classify.py"),
        Peer("fastText trigrams, dim 50", "fasttext_classify.py", _LARGER),
        Peer("TF-IDF", "sklearn_classify.py", ("--model", "tfidf")),
        Peer("NB-SVM", "sklearn_classify.py", ("--model", "nbsvm")),
    ),
    "zh": tuple(
        Peer(f"{name} of {units}", _CHINESE.name, ("--program", program, *options), units)
        for units in ("characters", "words")
        for name, program, options in (
            ("fastText", "fasttext", ()),
            ("fastText trigrams, dim 50", "fasttext", _LARGER),
            ("TF-IDF", "tfidf", ()),
            ("NB-SVM", "nbsvm", ()),
        )
    ),
}


def peers_of(quality_set: QualitySet) -> tuple[Peer, ...]:
    """Return the programs that a set is given to."""
    return PEERS[quality_set.language]


def run_peer(peer: Peer, files: Files, directory: Path, *, scripts: Path, python: str) -> dict[str, object]:
    """Train and judge one program in a process of its own; return its scores and seconds.

    `seconds` are those of the whole process, and of dividing Chinese into words; `training` is what the program itself says.
    """
    started = time.perf_counter()
    judged = files.test or files.validation
    texts = [spaced(path, directory, peer.units) if peer.units else path for path in (files.train, judged) if path]
    script = scripts / peer.script if not peer.units else _CHINESE
    done = subprocess.run([python, str(script), *map(str, texts), *peer.options], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    found = json.loads(done.stdout)
    scores = {name: round(found[name], 6) for name in ("accuracy", "macro_f1")}
    return {"scores": scores, "seconds": round(seconds, 2), "stages": {"training": found["total_seconds"]}}


def spaced(path: Path, directory: Path, units: str) -> Path:
    """Write a copy of a corpus file in which a space stands between units."""
    split = UNITS[units]
    copy = directory / f"{path.stem}-{units}.jsonl"
    with path.open(encoding="utf-8") as source, copy.open("w", encoding="utf-8") as target:
        for row in map(json.loads, source):
            target.write(json.dumps({**row, "text": " ".join(split(row["text"].lower()))}, ensure_ascii=False) + "\n")
    return copy


def characters(text: str) -> list[str]:
    """Return Han characters one by one, other words and signs."""
    return _CHARACTERS.findall(text)


def words(text: str) -> Sequence[str]:
    """Return the words that jieba finds."""
    import jieba

    jieba.setLogLevel("ERROR")
    return [word for word in jieba.lcut(text) if not word.isspace()]


UNITS: dict[str, Callable[[str], Sequence[str]]] = {"characters": characters, "words": words}
