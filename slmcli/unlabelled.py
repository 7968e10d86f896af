"""Texts without labels beside a labelled corpus: their tokens are counted for its vocabulary, and they are kept as a dataset inside its own."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any  # Any: a JSON document

import numpy as np

from slmcli.config import CorpusSettings, EncodingSettings, PreprocessSettings
from slmcli.corpus_identity import LANGUAGE_MODEL, UNLABELLED
from slmcli.dataset import write_description
from slmcli.describing import count_shards, describe_examples
from slmcli.dividing import TRAIN
from slmcli.encoding import Job, Pieces, encode, finish_shards, hashes_of
from slmcli.errors import DataError
from slmcli.fields import TEXT
from slmcli.files import sha256_json
from slmcli.ngrams import NgramVocabulary
from slmcli.reading import open_records
from slmcli.scanning import Announce, Scanned, count_training, read_blocks, scan
from slmcli.spill import Spill
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task
from slmcli.text_files import STANDARD_INPUT
from slmcli.tokenizers.base import Tokenizer

logger = logging.getLogger(__name__)

_ADVICE = re.compile(r" (?:It looks like [^\n]*: pass|Pass|Give [^\n]*pass) --[^\n]*$")


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

    Args:
        paths: The files.
        settings: What may name the column of texts.
        tokenizer: Cleans and splits; it need not be trained.
        directory: Where they are kept meanwhile.
        announce: Told, once a file, which column is used.
        workers: Processes.

    Raises:
        DataError: A file cannot be read, or no text has a token.
    """
    if not paths:
        return None
    task = _reader(settings)
    try:
        blocks = read_blocks({0: paths}, task, CorpusSettings(), needs_targets=False, announce=announce)
        scanned = scan(blocks, task, tokenizer, Spill(directory), workers=workers)
    except DataError as error:
        raise _about_texts(error) from error
    if not any(block.is_usable.any() for block in scanned.spill):
        raise DataError(f"--unlabelled {', '.join(map(str, paths))}: no text has a single token. Give files of texts, or leave it out.")
    counts, _ = count_training(scanned, _all_training(scanned))
    return Texts(scanned, task, counts)


def _all_training(scanned: Scanned) -> np.ndarray:
    """Return (texts,) uint8, the split of each."""
    return np.full(scanned.examples, TRAIN, np.uint8)


def _reader(settings: PreprocessSettings) -> Task:
    """Return what reads texts from files of another form than the labelled ones, whose column may have the same name."""
    task: Task = TASKS.load(LANGUAGE_MODEL)([])
    if settings.text_column:
        vars(task)["fields"] = (replace(TEXT, names=(settings.text_column.lower(), *TEXT.names)),)  # of this one, not of its class
    return task


def look_at_texts(paths: Sequence[Path], settings: PreprocessSettings) -> None:
    """Look into files before much else is done; standard input can be read but once.

    Raises:
        DataError: One cannot be read, or which column holds the texts is not obvious.
    """
    try:
        for path in paths:
            if path != STANDARD_INPUT:
                open_records(path, CorpusSettings(), _reader(settings).fields, needs_targets=False)
    except DataError as error:
        raise _about_texts(error) from error


def _about_texts(error: DataError) -> DataError:
    """Return an error that says how texts without labels are read, in the place of advice on options, which are for the labelled files."""
    what = _ADVICE.sub("", str(error))
    how = "in UTF-8, of the format that name and content tell, with the texts in a column named like that of the labelled files, or text"
    return DataError(f"--unlabelled: {what}\nTexts without labels are read by themselves: {how}. Convert what is otherwise.")


def with_texts(counts: Mapping[str, int], texts: Texts | None, tokenizer: Tokenizer) -> Mapping[str, int]:
    """Return what a vocabulary is made of: pretokens of training texts and of others, and how often each occurs in both together.

    Where entries are words, those of training texts count so many times that they are the greater part: else a great many other texts
    would leave no room for rare words of the training texts. A word needs as many occurrences in both as the tokenizer asks for.

    Args:
        counts: Pretokens of the training texts and how often each occurs.
        texts: The others, if there are any.
        tokenizer: Says how often an entry occurs at least.
    """
    if texts is None:
        return counts
    times = 1 + sum(texts.counts.values()) // max(1, sum(counts.values())) if tokenizer.is_one_piece else 1
    least = tokenizer.settings.min_frequency if tokenizer.is_one_piece else 1
    both = {token: (counts.get(token, 0), texts.counts.get(token, 0)) for token in {**counts, **texts.counts}}
    return {token: times * own + other for token, (own, other) in both.items() if own + other >= least}


def write_texts(
    texts: Texts | None,
    settings: PreprocessSettings,
    tokenizer: Tokenizer,
    directory: Path,
    description: Mapping[str, Any],
    *,
    ngrams: NgramVocabulary | None,
    workers: int,
) -> dict[str, Any] | None:
    """Write texts as a dataset of running text inside the directory of another; return what the dataset.json of that says of them.

    Args:
        texts: The texts, if there are any.
        settings: Those of the other dataset.
        tokenizer: Its tokenizer.
        directory: Its directory.
        description: What its dataset.json says of settings and sources.
        ngrams: Its n-grams, if it has any; the records of the texts hold those which are among them.
        workers: Processes.
    """
    if texts is None:
        return None
    place, scanned = directory / UNLABELLED, texts.scanned
    place.mkdir()
    splits = _all_training(scanned)
    job = Job(
        spill=scanned.spill,
        numbers=scanned.numbers,
        splits=splits,
        is_kept=np.ones(scanned.examples, bool),
        task=texts.task,
        tokenizer=tokenizer,
        encoding=settings.narrow(EncodingSettings),
        pieces=None if tokenizer.is_whole_text else Pieces.of(tokenizer, scanned.pretokens),
        seed=settings.seed,
        shards=count_shards(splits),
        directory=place,
    )
    if ngrams is not None:
        job = replace(job, form=ngrams.form, hashes=hashes_of(tokenizer, scanned.pretokens, ngrams.form), ngrams=ngrams)
    facts = describe_examples(encode(job, scanned, workers=workers), texts.task)
    if left_out := scanned.examples - facts["examples"]["train"]:
        logger.info("%s texts without labels have no token, and are left out", f"{left_out:,}")
    shards = finish_shards(place, {"train": job.shards[TRAIN], "validation": 0, "test": 0}, workers=workers)
    own = {
        "task": LANGUAGE_MODEL,
        "settings": {**description["settings"], "task": LANGUAGE_MODEL},
        "fingerprint": sha256_json([description["fingerprint"], UNLABELLED])[:16],
        "sources": [{**source, "split": "train"} for source in description["sources"] if source["split"] == UNLABELLED],
    }
    write_description(place, tokenizer=tokenizer, labels=[], description={**description, **own, **facts, "shards": shards, "ngrams": None})
    return {"path": UNLABELLED, "examples": facts["examples"]["train"], "tokens": facts["tokens"], "has_ngrams": ngrams is not None}
