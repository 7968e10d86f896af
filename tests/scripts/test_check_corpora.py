import hashlib
import json
from pathlib import Path

import pytest
from check_corpora import check_reviews, check_stories, closes_quotes, main

STORY = 'The fox sat in the snow. "I am cold," he said.'
OTHERS = ["A hen lost her egg by the old mill.", "Nobody rang the bell on Sunday."]


def write(corpus: Path, **splits: list[dict[str, str]]) -> Path:
    """Write a corpus and, beside it, a README with the hashes of its files."""
    corpus.mkdir()
    contents = {split: "".join(json.dumps(example) + "\n" for example in examples).encode() for split, examples in splits.items()}
    for split, content in contents.items():
        (corpus / f"{split}.jsonl").write_bytes(content)
    (corpus.parent / "README.md").write_text(" ".join(hashlib.sha256(content).hexdigest() for content in contents.values()))
    return corpus


def stories(directory: Path, text: str, *, language: str = "en") -> Path:
    return write(directory / f"stories.{language}", train=[{"text": text}, {"text": OTHERS[0]}], validation=[{"text": OTHERS[1]}])


def reviews(directory: Path, *labels: str) -> Path:
    train = [{"text": f"{label} {number}", "label": label} for number, label in enumerate(labels)]
    rest = [{"text": text, "label": label} for text, label in zip(OTHERS, ("positive", "negative"), strict=True)]
    return write(directory / "reviews.en", train=train, validation=rest[:1], test=rest[1:])


def test_the_corpora_that_ship_are_right() -> None:
    assert main() == 0


def test_good_stories_have_no_problems(tmp_path: Path) -> None:
    assert check_stories(stories(tmp_path, STORY), least=81) == []


def test_the_size_of_stories_is_that_of_the_training_texts(tmp_path: Path) -> None:
    assert check_stories(stories(tmp_path, STORY), least=82) == ["stories.en/train: 81 bytes of text, at least 82 are needed"]


def test_an_english_story_is_ascii(tmp_path: Path) -> None:
    assert check_stories(stories(tmp_path, "An old café."), least=1) == ["stories.en: characters outside ASCII in 'An old café.'"]


def test_a_chinese_story_is_not_ascii(tmp_path: Path) -> None:
    assert check_stories(stories(tmp_path, "下雪了。", language="zh"), least=1) == []


def test_a_story_with_an_open_quote_is_named(tmp_path: Path) -> None:
    problem = "stories.en: quotes are not closed within a paragraph of '\"I am cold, he said.'"
    assert check_stories(stories(tmp_path, '"I am cold, he said.'), least=1) == [problem]


@pytest.mark.parametrize(
    "text",
    ["no quotes, it's plain", '"Yes," he said. "No."', "“他说‘好’。”\n“好。”"],
    ids=["none", "two in one paragraph", "one within another"],
)
def test_quotes_that_are_closed(text: str) -> None:
    assert closes_quotes(text)


@pytest.mark.parametrize(
    "text",
    ['"Yes, he said.', '"Yes\nNo"', "“他说‘好。”", "”好“", "“好"],
    ids=["one", "over two paragraphs", "within another", "the wrong way round", "open"],
)
def test_quotes_that_are_not_closed(text: str) -> None:
    assert not closes_quotes(text)


def test_two_near_stories_are_named(tmp_path: Path) -> None:
    problem = "stories.en: near-duplicates 'A hen lost her egg by the mill.' and 'A hen lost her egg by the old mill.'"
    assert check_stories(stories(tmp_path, "A hen lost her egg by the mill."), least=1) == [problem]


def test_a_hash_that_the_readme_lacks_is_named(tmp_path: Path) -> None:
    corpus = stories(tmp_path, STORY)
    (corpus / "validation.jsonl").write_text('{"text": "changed"}\n')
    (problem,) = check_stories(corpus, least=1)
    found = hashlib.sha256(b'{"text": "changed"}\n').hexdigest()
    assert problem == f"stories.en/validation: its sha256 {found} is not in README.md"


def test_good_reviews_have_no_problems(tmp_path: Path) -> None:
    assert check_reviews(reviews(tmp_path, "positive", "negative", "negative"), least=5) == []


def test_too_few_reviews_are_counted_over_all_splits(tmp_path: Path) -> None:
    assert check_reviews(reviews(tmp_path, "positive", "negative"), least=5) == ["reviews.en: 4 examples, at least 5 are needed"]


def test_labels_that_are_not_balanced_are_counted(tmp_path: Path) -> None:
    problem = "reviews.en/train: labels are not balanced: {'positive': 3, 'negative': 1}"
    assert check_reviews(reviews(tmp_path, "positive", "positive", "positive", "negative"), least=1) == [problem]
