import json
from pathlib import Path
from typing import Any

import pytest
from conftest import make_numbered, write_jsonl

from slmcli import corpus_shape
from slmcli.branch_settings import split_settings
from slmcli.config import PreprocessSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.errors import ConfigError, DataError
from slmcli.files import sha256_json
from slmcli.plan import fingerprint, settle
from slmcli.preprocessing import preprocess


@pytest.mark.parametrize(("name", "expected"), [("scores", "uniform"), ("topics", "naive_bayes")])
def test_only_one_label_of_one_text_starts_from_ratios(name: str, expected: str, request: pytest.FixtureRequest) -> None:
    dataset = request.getfixturevalue(name)
    settled = settle(split_settings({"task": dataset.task}, source="test"), dataset)
    assert settled.settings.initial_embedding == expected


def settled(place: Path, *, refit: bool | None = None, backbone: str = "bag", **values: Any) -> bool | None:
    dataset = make_numbered(place, "topic", ["a", "b"] * 12, **values)
    return settle(split_settings({"task": "topic", "backbone": backbone, "refit": refit}, source="test"), dataset).settings.refit


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"test_share": 0.25}, True),
        ({"test_share": 0.25, "refit": False}, False),
        ({"test_share": 0.25, "backbone": "conv"}, False),
        ({"test_share": 0.0}, False),
        ({"test_share": 0.0, "refit": True}, True),
        ({"validation_share": 0.0, "test_share": 0.25, "refit": True}, False),
    ],
)
def test_a_bag_learns_validation_where_a_test_split_is_left(values: dict[str, Any], expected: bool, tmp_path: Path) -> None:
    assert settled(tmp_path, **values) is expected


def test_a_validation_file_is_learned_only_when_asked_for(tmp_path: Path) -> None:
    given = write_jsonl(tmp_path / "given.jsonl", [("word1 a", "a"), ("word9 b", "b")])
    (tmp_path / "asked").mkdir()
    assert settled(tmp_path, test_share=0.25, validation=str(given)) is False
    assert settled(tmp_path / "asked", test_share=0.25, validation=str(given), refit=True) is True


def test_a_refit_without_a_bag_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"test: --refit is for a bag of n-grams, which is not among the branches conv. Leave it out."):
        settled(tmp_path, refit=True, backbone="conv")


@pytest.mark.parametrize("tokenizer", ["character", "byte"])
def test_character_ngrams_of_single_characters_are_refused(tokenizer: str, tmp_path: Path) -> None:
    dataset = make_numbered(tmp_path, "topic", ["a", "b", "c"] * 4, tokenizer=tokenizer)
    plan = split_settings({"task": "topic", "backbone": "bag+conv", "subword_buckets": 1000}, source="test")
    said = f"test: --subword-buckets needs words, and tokenizer {tokenizer} of .* has single characters. Leave it out, or preprocess again"
    with pytest.raises(ConfigError, match=said):
        settle(plan, dataset)


@pytest.mark.parametrize(("words", "expected"), [(100, False), (5, True)])
@pytest.mark.parametrize("backbone", ["lstm", "gru", "minrnn"])
def test_long_texts_are_read_in_one_direction(backbone: str, words: int, expected: bool, tmp_path: Path) -> None:
    dataset = make_numbered(tmp_path, "sentiment", [f"{'so ' * words}{end}" for end in ("good", "bad")] * 6)
    settled = settle(split_settings({"backbone": backbone}, source="test"), dataset)
    assert settled.branches[backbone].model_dump()["bidirectional"] is expected
    for asked in ({"bidirectional": True}, {"pooling": "first_last"}):
        other = settle(split_settings({"backbone": backbone, **asked}, source="test"), dataset)
        assert other.branches[backbone].model_dump()["bidirectional"] is True


@pytest.mark.parametrize(
    ("words", "large", "asked", "expected"),
    [(100, 6, {}, [3]), (100, 1000, {}, [1, 2, 3]), (5, 6, {}, [1, 2, 3]), (100, 6, {"widths": [5]}, [5])],
    ids=["large and long", "small", "short", "asked for"],
)
def test_a_large_corpus_of_long_texts_is_read_with_one_width(
    words: int, large: int, asked: dict[str, Any], expected: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slmcli.corpus_shape._LARGE_CORPUS", large)  # examples
    dataset = make_numbered(tmp_path, "sentiment", [f"{'so ' * words}{end}" for end in ("good", "bad")] * 6)
    settled = settle(split_settings({"backbone": "conv", **asked}, source="test"), dataset)
    assert settled.branches["conv"].model_dump()["widths"] == expected


@pytest.mark.parametrize("pooling", ["last", "first_last"])
def test_the_end_of_segments_is_no_end_of_a_text(pooling: str, topics: Dataset) -> None:
    plan = split_settings({"task": "topic", "backbone": "lstm", "segment": 8, "pooling": pooling}, source="test")
    with pytest.raises(
        ConfigError, match=f"test: --pooling {pooling} looks at the ends of a text, and with --segment at the last segment alone. Leave one"
    ):
        settle(plan, topics)


@pytest.mark.parametrize(
    ("words", "large", "backbone", "expected"),
    [
        (100, 6, "minrnn", ("cooccurrence", 0.001, 0.3)),
        (100, 6, "conv", ("cooccurrence", 0.002, 0.6)),
        (5, 6, "minrnn", ("cooccurrence", 0.002, 0.6)),
        (100, 1000, "minrnn", ("naive_bayes", 0.001, 0.5)),
    ],
    ids=["many long texts", "conv", "short", "few"],
)
def test_many_long_texts_are_read_in_order_with_small_steps(
    words: int, large: int, backbone: str, expected: tuple[str, float, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_numbered(tmp_path, "sentiment", [f"{'word ' * words}{label}" for label in ("good", "bad") * 8])
    monkeypatch.setattr("slmcli.corpus_shape._LARGE_CORPUS", large)  # examples
    flat = settle(split_settings({"backbone": backbone}, source="test"), dataset).flat()
    assert (flat["initial_embedding"], flat["learning_rate"], flat["embedding_dropout"]) == expected


@pytest.mark.parametrize(("backbone", "expected"), [("conv", "uniform"), ("minrnn", "cooccurrence")])
def test_single_characters_tell_conv_nothing_of_each_other(backbone: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = make_numbered(tmp_path, "sentiment", ["a", "b"] * 8, tokenizer="character")
    monkeypatch.setattr("slmcli.corpus_shape._LARGE_CORPUS", 6)
    assert settle(split_settings({"backbone": backbone}, source="test"), dataset).settings.initial_embedding == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ("bag+minrnn", True)),
        ({"bidirectional": False}, ("bag+minrnn", False)),
        ({"bidirectional": None}, ("bag+minrnn", True)),
        ({"recurrent_layers": 1}, ("bag+minrnn", True)),
        ({"filters": 8}, ("bag+conv", None)),
        ({"filters": 8, "bag_strength": 3.0}, ("bag+conv", None)),
        ({"input_window": 1, "bag_strength": 3.0}, ("bag+minrnn", True)),
        ({"filters": 8, "preset": "fast"}, ("conv", None)),
        ({"head": "flatten"}, ("conv", None)),
    ],
    ids=str,
)
def test_what_a_preset_sets_gives_way_to_what_was_asked_for(
    asked: dict[str, Any], expected: tuple[str, bool | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_numbered(tmp_path, "sentiment", [f"{'word ' * 100}{label}" for label in ("good", "bad") * 8])
    monkeypatch.setattr("slmcli.corpus_shape._LARGE_CORPUS", 6)
    flat = settle(split_settings(asked, source="test"), dataset).flat()
    assert (flat["backbone"], flat.get("bidirectional")) == expected
    assert flat.get("recurrent_layers") == (asked.get("recurrent_layers", 2) if "minrnn" in expected[0] else None)


def settled_flat(place: Path, *, tokens: int = 8, length: int = 1, labels: int = 3, tokenizer: str = "auto", **values: Any) -> dict[str, Any]:
    """Return what a training is settled to beside so many tokens of texts without labels, a word and an end each."""
    texts = place / "texts.txt"
    texts.write_text("plum\n" * (tokens // 2), encoding="utf-8")
    unlabelled = [str(texts)] if tokens else []
    rows = [f"{'x ' * length}label{i % labels}" for i in range(12)]
    made = make_numbered(place, "topic", rows, max_length=600, unlabelled=unlabelled, tokenizer=tokenizer)
    return settle(split_settings({"task": "topic", "backbone": "conv", **values}, source="test"), made).flat()


FROZEN, LEARNED = ("cooccurrence", True, 300), ("cooccurrence", False, 128)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, FROZEN),
        ({"backbone": "bag+conv"}, FROZEN),
        ({"embedding": 32}, ("cooccurrence", True, 32)),
        ({"freeze_embedding": False}, LEARNED),
        ({"subword_buckets": 100}, LEARNED),
        ({"initial_embedding": "uniform"}, ("uniform", False, 128)),
        ({"tokens": 6}, ("naive_bayes", False, 128)),
        ({"tokens": 0}, ("naive_bayes", False, 128)),
        ({"tokens": 0, "freeze_embedding": True}, FROZEN),
        ({"tokenizer": "character"}, ("naive_bayes", False, 128)),
        ({"length": 150}, ("cooccurrence", False, 64)),
        ({"labels": 2}, ("cooccurrence", False, 64)),
    ],
    ids=str,
)
def test_what_decides_whether_vectors_are_frozen(
    values: dict[str, Any], expected: tuple[str, bool, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_shape, "_MANY_TOKENS", 8)
    flat = settled_flat(tmp_path, **values)
    assert (flat["initial_embedding"], flat["freeze_embedding"], flat["embedding"]) == expected


def test_two_texts_are_compared_by_vectors_that_are_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_shape, "_MANY_TOKENS", 8)
    (tmp_path / "texts.txt").write_text("plum\n" * 4, encoding="utf-8")
    rows = [{"text": f"word{i}", "text_pair": f"thing{i}", "label": "abc"[i % 3]} for i in range(12)]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    values = {"files": [str(tmp_path / "pairs.jsonl")], "unlabelled": [str(tmp_path / "texts.txt")], "test_share": 0.0, "min_frequency": 1}
    preprocess(PreprocessSettings(task="pair", **values), tmp_path / "dataset", overwrite=False)
    flat = settle(split_settings({"task": "pair", "backbone": "conv"}, source="test"), open_dataset(tmp_path / "dataset")).flat()
    assert (flat["initial_embedding"], flat["freeze_embedding"], flat["embedding"]) == LEARNED


def test_a_bag_has_nothing_to_freeze(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_shape, "_MANY_TOKENS", 8)
    assert settled_flat(tmp_path, backbone="bag")["freeze_embedding"] is False


def test_a_large_corpus_learns_its_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_shape, "_LARGE_CORPUS", 5)
    monkeypatch.setattr(corpus_shape, "_MANY_TOKENS", 8)
    flat = settled_flat(tmp_path)
    assert (flat["initial_embedding"], flat["freeze_embedding"], flat["embedding"]) == LEARNED


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"initial_embedding": "uniform"},
            r"test: --freeze-embedding leaves token vectors as they begin, with --initial-embedding uniform by chance.",
        ),
        ({"subword_buckets": 100}, r"--freeze-embedding and --subword-buckets exclude each other: vectors of n-grams begin with chance."),
        ({"backbone": "bag"}, r"--freeze-embedding is for token vectors, and a bag has none. Leave it out, or pass another --backbone."),
    ],
    ids=str,
)
def test_freezing_what_begins_with_chance_is_refused(values: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        settled_flat(tmp_path, freeze_embedding=True, **values)


def test_a_run_from_before_there_were_these_settings_is_up_to_date(topics: Dataset) -> None:
    plan = settle(split_settings({"task": "topic", "backbone": "conv"}, source="test"), topics)
    later = {"freeze_embedding", "vectors", "init_from", "train", "layer_decay", "gradual_unfreezing", "self_training"}
    values = plan.settings.model_dump(exclude={"checkpoint_minutes", "tensorboard", "k_fold", "learning_curve", "preset", *later})
    before = sha256_json([topics.fingerprint, values, [each.model_dump(exclude={"causal"}) for each in plan.branches.values()]])[:16]
    assert fingerprint(topics, plan) == before
    frozen = settle(split_settings({"task": "topic", "backbone": "conv", "freeze_embedding": True}, source="test"), topics)
    assert fingerprint(topics, frozen) != before


def vectors_file(place: Path, width: int = 5, name: str = "some.vec") -> str:
    path = place / name
    path.write_text("".join(f"word{i}{' 0.5' * width}\n" for i in range(3)), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, (None, False, 5)),
        ({"embedding": 5}, (None, False, 5)),
        ({"freeze_embedding": True}, (None, True, 5)),
        ({"backbone": "bag+conv+lstm"}, (None, False, 5)),
        ({"subword_buckets": 100}, (None, False, 5)),
    ],
    ids=str,
)
def test_a_file_of_vectors_decides_how_they_begin_and_their_width(values: dict[str, Any], expected: tuple[Any, ...], tmp_path: Path) -> None:
    flat = settled_flat(tmp_path, tokens=0, vectors=vectors_file(tmp_path), **values)
    assert (flat["initial_embedding"], flat["freeze_embedding"], flat["embedding"]) == expected


def test_the_place_of_vectors_is_known_from_every_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = vectors_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert settled_flat(tmp_path, vectors="some.vec")["vectors"] == path


def test_settled_settings_with_vectors_settle_to_themselves(topics: Dataset, tmp_path: Path) -> None:
    """So that a run's config.yaml goes on with it."""
    plan = settle(split_settings({"task": "topic", "vectors": vectors_file(tmp_path), "backbone": "conv"}, source="test"), topics)
    again = settle(split_settings(plan.flat(), source="test"), topics)
    assert fingerprint(topics, again) == fingerprint(topics, plan)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"embedding": 64}, r"test: --embedding 64 contradicts --vectors .*some.vec, whose vectors have 5 values. Leave --embedding out."),
        ({"initial_embedding": "uniform"}, r"test: vectors \(.*some.vec\) and initial_embedding \(uniform\) exclude each other. Leave one"),
        ({"backbone": "bag"}, r"test: --vectors is for token vectors, and a bag has none. Leave it out, or pass another --backbone."),
        ({"freeze_embedding": True, "subword_buckets": 9}, r"--freeze-embedding and --subword-buckets exclude each other"),
    ],
    ids=str,
)
def test_what_does_not_go_with_vectors_is_refused(values: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        settled_flat(tmp_path, tokens=0, vectors=vectors_file(tmp_path), **values)


def test_a_missing_file_of_vectors_is_named(topics: Dataset) -> None:
    with pytest.raises(DataError, match="none.vec cannot be read"):
        settle(split_settings({"task": "topic", "backbone": "conv", "vectors": "none.vec"}, source="test"), topics)


def test_the_content_of_vectors_decides_what_is_trained_and_their_place_does_not(topics: Dataset, tmp_path: Path) -> None:
    def printed(**values: Any) -> str:
        return fingerprint(topics, settle(split_settings({"task": "topic", "backbone": "conv", **values}, source="test"), topics))

    first = printed(vectors=vectors_file(tmp_path))
    assert printed(vectors=vectors_file(tmp_path, name="other.vec")) == first
    (tmp_path / "other.vec").write_text("word1 1 2 3 4 5\n", encoding="utf-8")
    assert len({first, printed(vectors=str(tmp_path / "other.vec")), printed(embedding=5)}) == 3


LONG = {"120": 6_000}


@pytest.mark.parametrize(
    ("train", "facts", "expected"),
    [
        (450, {"unlabelled": {"has_ngrams": True, "tokens": 9}}, 30),
        (90, {"unlabelled": {"has_ngrams": True, "tokens": 9}}, 20),
        (450, {"unlabelled": {"tokens": 9}}, 0),
        (450, {}, 0),
        (6_000, {"length_histogram": {"train": LONG}}, 250),
        (4_500, {"length_histogram": {"train": {"120": 4_500}}}, 0),
        (6_000, {"length_histogram": {"train": {"20": 6_000}}}, 0),
        (6_000, {"taught": {"texts": 5_000, "tokens": 9, "from": "f", "teachers": []}, "length_histogram": {"train": {"20": 6_000}}}, 250),
    ],
    ids=["texts", "few", "texts without n-grams", "none", "many long texts", "fewer", "short", "taught"],
)
def test_a_bag_has_directions_where_other_texts_say_which(train: int, facts: dict[str, Any], expected: int, dataset: Path) -> None:
    found = open_dataset(dataset)
    histogram = facts.get("length_histogram", {"train": {"20": train}})
    examples = {**found.description["examples"], "train": train}
    changed = Dataset(
        dataset, {**found.description, **facts, "examples": examples, "length_histogram": {**found.description["length_histogram"], **histogram}}
    )
    plan = settle(split_settings({"backbone": "bag"}, source="test"), changed)
    assert plan.flat()["bag_directions"] == expected
    assert settle(split_settings({"backbone": "bag", "bag_directions": 7}, source="test"), changed).flat()["bag_directions"] == 7
