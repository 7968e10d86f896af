"""Check the sample corpora: sizes, balance, quotes, no near-duplicates, and the hashes that their README states."""

import collections
import hashlib
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

DATA = Path(__file__).parents[1] / "slmcli" / "data"
REVIEWS = {"reviews.en": 1200, "reviews.zh": 300}  # the least number of reviews
STORIES = {"stories.en": 150_000, "stories.zh": 60_000}  # the least bytes of text in `train`; an English byte is a character
# our choice: two texts that share this part of their three-word (three-character in Chinese) sequences are one text told twice
NEAR = 0.4
QUOTATIONS = ("‘[^‘’]*’", "“[^“”‘’]*”", '"[^"]*"')  # the inner ones first

Splits = Mapping[str, Sequence[Mapping[str, str]]]


def main() -> int:
    """Return 0 when nothing is wrong."""
    problems = [problem for name, least in REVIEWS.items() for problem in check_reviews(DATA / name, least)]
    problems += [problem for name, least in STORIES.items() for problem in check_stories(DATA / name, least)]
    print("\n".join(problems) or f"{', '.join(REVIEWS | STORIES)}: sizes, balance, quotes, uniqueness and hashes are right")
    return 1 if problems else 0


def check_reviews(corpus: Path, least: int) -> list[str]:
    """Return what is wrong with a corpus of reviews, of which `least` are needed."""
    splits = read(corpus, ("train", "validation", "test"))
    problems = []
    for split, reviews in splits.items():
        counts = collections.Counter(review["label"] for review in reviews)
        if max(counts.values()) - min(counts.values()) > 1:
            problems.append(f"{corpus.name}/{split}: labels are not balanced: {dict(counts)}")
    size = sum(map(len, splits.values()))
    if size < least:
        problems.append(f"{corpus.name}: {size} examples, at least {least} are needed")
    return problems + check_corpus(corpus, splits)


def check_stories(corpus: Path, least: int) -> list[str]:
    """Return what is wrong with a corpus of stories, whose `train` needs `least` bytes of text."""
    splits = read(corpus, ("train", "validation"))
    texts = texts_of(splits)
    problems = [f"{corpus.name}: quotes are not closed within a paragraph of {text[:60]!r}" for text in texts if not closes_quotes(text)]
    if corpus.suffix == ".en":
        problems += [f"{corpus.name}: characters outside ASCII in {text[:60]!r}" for text in texts if not text.isascii()]
    size = sum(len(story["text"].encode()) for story in splits["train"])
    if size < least:
        problems.append(f"{corpus.name}/train: {size} bytes of text, at least {least} are needed")
    return problems + check_corpus(corpus, splits)


def read(corpus: Path, splits: Sequence[str]) -> Splits:
    """Return the examples of each split."""
    return {split: [json.loads(line) for line in (corpus / f"{split}.jsonl").read_text("utf-8").splitlines()] for split in splits}


def texts_of(splits: Splits) -> list[str]:
    """Return the texts of all splits in one row."""
    return [example["text"] for examples in splits.values() for example in examples]


def closes_quotes(text: str) -> bool:
    """Say whether every paragraph closes the quotations that it opens, and no others."""
    paragraphs = text.splitlines()
    for quotation in QUOTATIONS:
        paragraphs = [re.sub(quotation, "", paragraph) for paragraph in paragraphs]
    return not re.search('[‘’“”"]', "".join(paragraphs))


def check_corpus(corpus: Path, splits: Splits) -> list[str]:
    """Return what is wrong with a corpus of any kind: hashes that its README lacks, and near-duplicates."""
    readme = (corpus.parent / "README.md").read_text("utf-8")
    hashes = {split: hashlib.sha256((corpus / f"{split}.jsonl").read_bytes()).hexdigest() for split in splits}
    problems = [f"{corpus.name}/{split}: its sha256 {found} is not in README.md" for split, found in hashes.items() if found not in readme]
    return problems + near_duplicates(corpus.name, texts_of(splits))


def near_duplicates(name: str, texts: list[str]) -> list[str]:
    """Return a line for each pair of texts that share most of their short sequences (Jaccard similarity of 3-grams)."""
    grams = [shingles(text) for text in texts]
    holders = collections.defaultdict(list)
    for position, own in enumerate(grams):
        for gram in own:
            holders[gram].append(position)
    shared: collections.Counter[tuple[int, int]] = collections.Counter()
    for positions in holders.values():
        shared.update((a, b) for i, a in enumerate(positions) for b in positions[i + 1 :])
    near = [(a, b) for (a, b), count in shared.items() if count / len(grams[a] | grams[b]) >= NEAR]
    return [f"{name}: near-duplicates {texts[a][:60]!r} and {texts[b][:60]!r}" for a, b in near]


def shingles(text: str) -> set[tuple[str, ...]]:
    """Return the three-item sequences of a text: of words, or of characters where Han characters stand."""
    items = re.findall(r"[\u4e00-\u9fff]|[^\W\u4e00-\u9fff]+", text.lower())
    return {tuple(items[i : i + 3]) for i in range(max(1, len(items) - 2))}


if __name__ == "__main__":
    sys.exit(main())
