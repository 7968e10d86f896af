"""Read CoNLL files: a word a line with its columns, an empty line behind each sentence; tags in the BIO scheme whatever they were."""

import itertools
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, source_name
from slmcli.errors import DataError
from slmcli.text_files import read_lines

logger = logging.getLogger(__name__)

_TAG = re.compile(r"O|[BIESLUMW]-\S+")
# of BIOES, BILOU and BMES: the end, the only word, the middle of a name
_PREFIXES = {"E-": "I-", "L-": "I-", "M-": "I-", "S-": "B-", "U-": "B-", "W-": "B-"}
# CoNLL-U: words that were written together (1-2), words that were not written at all (1.1)
_NO_WORD = re.compile(r"\d+[-.]\d+$")
_CONLL_U_COLUMNS = 10
# our choice: which scheme a file is in shows in its first sentences with names
_SENTENCES_LOOKED_AT = 1_000

Sentence = tuple[int, list[list[str]]]  # line on which it starts; the cells of each word


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield `tokens` (the first column), `tags` (the last) and every column by its number, a list of strings each, for every sentence.

    Tags in BIOES, BILOU or BMES are converted to BIO, and so are those of a file in IOB1, in which B only divides neighbours, or in
    IO, in which a tag is a type or O.

    Source: Ramshaw & Marcus 1995, section 4.1 (IOB1); Ratinov & Roth 2009, section 3.2 (BILOU).
    """
    name = source_name(path)
    sentences = _sentences(name, read_lines(path, settings.encoding))
    first = list(itertools.islice(sentences, _SENTENCES_LOOKED_AT))
    scheme = _find_scheme([_tags_of(cells) for _, cells in first])
    if scheme != "BIO":
        logger.info("%s: its tags are in the scheme %s; they are converted to BIO", name, scheme)
    for row, cells in itertools.chain(first, sentences):
        tags = to_bio(_tags_of(cells), scheme=scheme)
        columns = {str(number): list(column) for number, column in enumerate(zip(*cells, strict=True), 1)}
        yield Record(name, row, {"tokens": columns["1"], **({"tags": tags} if len(columns) > 1 else {}), **columns})


def to_bio(tags: Sequence[str], *, scheme: str) -> list[str]:
    """Return the tags of one sentence in the BIO scheme, in which every name begins with B.

    Args:
        tags: The tags.
        scheme: IOB1, IO, or BIO for this one and those that name the end or the middle of a name.
    """
    if scheme == "IO":
        tags = [tag if tag == "O" else f"I-{tag}" for tag in tags]
    plain = [_PREFIXES.get(tag[:2], tag[:2]) + tag[2:] for tag in tags]
    if scheme == "BIO":
        return plain
    return [f"B-{tag[2:]}" if _begins(before, tag) else tag for before, tag in zip(["O", *plain], plain, strict=False)]


def _begins(before: str, tag: str) -> bool:
    """Say whether I begins a name, as IOB1 allows."""
    return tag.startswith("I-") and (before == "O" or before[2:] != tag[2:])


def _find_scheme(sentences: Sequence[Sequence[str]]) -> str:
    """Return IO when tags have no prefixes; IOB1 when names begin with I, as in BIO they never do; BIO otherwise."""
    different = {tag for tags in sentences for tag in tags}
    if "O" in different and len(different) > 1 and not any(_TAG.fullmatch(tag) for tag in different - {"O"}):
        return "IO"
    begin_with_i = begin_with_b = 0
    for tags in sentences:
        for before, tag in zip(["O", *tags], tags, strict=False):
            begin_with_i += _begins(before, tag)
            begin_with_b += tag.startswith("B-") and before[2:] != tag[2:]
    return "IOB1" if begin_with_i > begin_with_b else "BIO"


def _tags_of(cells: Sequence[Sequence[str]]) -> list[str]:
    return [word[-1] for word in cells]


def _sentences(name: str, lines: Iterator[str]) -> Iterator[Sentence]:
    start, cells, before = 1, list[list[str]](), list[str]()  # `before`: the cells of the last word
    has_tabs = False
    for number, line in enumerate(itertools.chain(lines, [""]), 1):
        word = _split(line)
        if not word or word[0] == "-DOCSTART-":
            if cells:
                yield start, cells
            cells = []
        elif (cells or not _is_comment(line, word, before, has_tabs=has_tabs)) and not _is_unwritten(word):
            if before and len(word) != len(before):
                raise DataError(f"{name}:{number}: {len(word)} columns, but the line before has {len(before)}. A line must be a word and its tags.")
            start = start if cells else number
            cells.append(word)
            before, has_tabs = word, "\t" in line
            if len(word) > 1 and not word[-1]:
                raise DataError(f"{name}:{number}: the word {word[0]!r} has no tag. Correct the line.")


def _split(line: str) -> list[str]:
    """Return the cells of a line, divided by tabs when it has any, else by spaces; none for an empty line."""
    if not line.strip():
        return []
    return [cell.strip() for cell in line.rstrip("\r\n").split("\t")] if "\t" in line else line.split()


def _is_comment(line: str, word: Sequence[str], before: Sequence[str], *, has_tabs: bool) -> bool:
    """Say whether a line before the first word of a sentence is a comment: it begins with #, and is no word like the last one."""
    if not line.startswith("#"):
        return False
    if has_tabs and "\t" not in line:
        return True
    has_tags = not before or _TAG.fullmatch(before[-1]) is not None
    return (bool(before) and len(word) != len(before)) or (has_tags and not _TAG.fullmatch(word[-1]))


def _is_unwritten(word: Sequence[str]) -> bool:
    """Say whether a line of CoNLL-U is no word of the sentence."""
    return len(word) == _CONLL_U_COLUMNS and _NO_WORD.match(word[0]) is not None
