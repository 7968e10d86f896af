"""Texts without labels beside a labelled corpus: their tokens are counted for its vocabulary, and they are kept as a dataset inside its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any  # Any: a JSON document

import numpy as np

from slmcli.config import CorpusSettings, EncodingSettings, PreprocessSettings
from slmcli.dataset import UNLABELLED, write_description
from slmcli.describing import count_shards, describe_examples
from slmcli.dividing import pretokens_of
from slmcli.encoding import Job, Pieces, encode, finish_shards
from slmcli.errors import DataError
from slmcli.fields import TEXT
from slmcli.files import sha256_json
from slmcli.scanning import Announce, Scanned, read_blocks, scan
from slmcli.spill import Spill
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task
from slmcli.tokenizers.base import Tokenizer

_TASK = "language-model"


@dataclass(frozen=True)
class Texts:
    """Texts that were read once.

    Attributes:
        scanned: The texts.
        task: What reads them.
        counts: Their pretokens and how often each occurs; none when the tokenizer takes texts only as a whole.
    """

    scanned: Scanned
    task: Task
    counts: Mapping[str, int]


def read_texts(
    paths: Sequence[Path], settings: PreprocessSettings, tokenizer: Tokenizer, directory: Path, *, announce: Announce, workers: int
) -> Texts | None:
    """Read files of texts, whatever else stands in them; None when there are no files.

    A file may have another form and another column of texts than the labelled ones: `text_column` names it where there is such a
    column, and `format` and `column` say nothing.

    Args:
        paths: The files.
        settings: How they are read.
        tokenizer: Cleans and splits; it need not be trained.
        directory: Where they are kept meanwhile.
        announce: Told, once a file, which column is used.
        workers: Processes.

    Raises:
        DataError: A file cannot be read, or no text has a token.
    """
    if not paths:
        return None
    task: Task = TASKS.load(_TASK)([])
    if settings.text_column:
        vars(task)["fields"] = (replace(TEXT, names=(settings.text_column.lower(), *TEXT.names)),)  # of this task alone, not of its class
    reading = settings.narrow(CorpusSettings).model_copy(update={"text_column": None, "label_column": None, "format": None, "column": []})
    blocks = read_blocks({0: paths}, task, reading, announce, needs_targets=False)
    scanned = scan(blocks, task, tokenizer, Spill(directory), workers=workers)
    totals = np.zeros(len(scanned.pretokens), np.int64)
    tokens = 0
    for block in scanned.spill:
        pretokens = pretokens_of(block, block.is_usable)
        tokens += len(pretokens)
        if len(totals):
            totals += np.bincount(scanned.numbers[block.worker][pretokens], minlength=len(totals))
    if not tokens:
        raise DataError(f"--unlabelled {', '.join(map(str, paths))}: no text has a single token. Give files of texts, or leave it out.")
    return Texts(scanned, task, {token: count for token, count in zip(scanned.pretokens, totals.tolist(), strict=True) if count})


def with_texts(counts: Mapping[str, int], texts: Texts | None, tokenizer: Tokenizer) -> Mapping[str, int]:
    """Return what a vocabulary is made of: pretokens of all texts, those of training texts so many times that they are the greater part.

    Else a great many other texts would leave no room for the rare words of the training texts. An entry needs as many occurrences in
    both together as the tokenizer asks for.

    Args:
        counts: Pretokens of the training texts and how often each occurs.
        texts: The others, if there are any.
        tokenizer: Says how often an entry occurs at least.
    """
    if texts is None:
        return counts
    times = 1 + sum(texts.counts.values()) // max(1, sum(counts.values()))
    least = tokenizer.settings.min_frequency if tokenizer.is_one_piece else 1
    both = {token: (counts.get(token, 0), texts.counts.get(token, 0)) for token in {**counts, **texts.counts}}
    return {token: times * own + other for token, (own, other) in both.items() if own + other >= least}


def write_texts(
    texts: Texts | None, settings: PreprocessSettings, tokenizer: Tokenizer, directory: Path, description: Mapping[str, Any], *, workers: int
) -> dict[str, Any] | None:
    """Write texts as a dataset of running text inside the directory of another; return what the dataset.json of that says of them.

    Args:
        texts: The texts, if there are any.
        settings: Those of the other dataset.
        tokenizer: Its tokenizer.
        directory: Its directory.
        description: What its dataset.json says of settings and sources.
        workers: Processes.
    """
    if texts is None:
        return None
    place, scanned = directory / UNLABELLED, texts.scanned
    place.mkdir()
    everything = np.zeros(scanned.examples, np.uint8)
    job = Job(
        spill=scanned.spill,
        numbers=scanned.numbers,
        splits=everything,
        is_kept=np.ones(scanned.examples, bool),
        task=texts.task,
        tokenizer=tokenizer,
        encoding=settings.narrow(EncodingSettings),
        pieces=None if tokenizer.is_whole_text else Pieces.of(tokenizer, scanned.pretokens),
        seed=settings.seed,
        shards=count_shards(everything),
        directory=place,
    )
    facts = describe_examples(encode(job, scanned, workers=workers), texts.task)
    shards = finish_shards(place, {"train": job.shards[0], "validation": 0, "test": 0}, workers=workers)
    own = {
        "task": _TASK,
        "fingerprint": sha256_json([description["fingerprint"], UNLABELLED])[:16],
        "sources": [{**source, "split": "train"} for source in description["sources"] if source["split"] == UNLABELLED],
    }
    write_description(place, tokenizer=tokenizer, labels=[], description={**description, **own, **facts, "shards": shards, "ngrams": None})
    return {"path": UNLABELLED, "examples": facts["examples"]["train"], "tokens": facts["tokens"]}
