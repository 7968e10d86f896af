"""Check the sample corpora: sizes, balance, no near-duplicates, no shared openings in bulk, and the hashes that their README states."""

import collections
import hashlib
import json
import re
import sys
from pathlib import Path

DATA = Path(__file__).parents[1] / "slmcli" / "data"
LEAST = {"reviews.en": 1200, "reviews.zh": 300}
SPLITS = ("train", "validation", "test")
# our choice: two reviews that share this part of their three-word (three-character in Chinese) sequences are one text told twice
NEAR = 0.4


def main() -> int:
    """Return 0 when nothing is wrong."""
    problems = [problem for name, least in LEAST.items() for problem in check(name, least)]
    print("\n".join(problems) or f"{', '.join(LEAST)}: sizes, balance, uniqueness and hashes are right")
    return 1 if problems else 0


def check(name: str, least: int) -> list[str]:
    """Return what is wrong with one corpus."""
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    problems, examples = [], []
    for split in SPLITS:
        path = DATA / name / f"{split}.jsonl"
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() not in readme:
            problems.append(f"{name}/{split}: its sha256 {hashlib.sha256(content).hexdigest()} is not in README.md")
        found = [json.loads(line) for line in content.decode("utf-8").splitlines()]
        counts = collections.Counter(example["label"] for example in found)
        if max(counts.values()) - min(counts.values()) > 1:
            problems.append(f"{name}/{split}: labels are not balanced: {dict(counts)}")
        examples += found
    if len(examples) < least:
        problems.append(f"{name}: {len(examples)} examples, at least {least} are needed")
    return problems + near_duplicates(name, [example["text"] for example in examples])


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
