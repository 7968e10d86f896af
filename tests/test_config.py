"""Settings: one default each, all problems at once, recipes checked like options."""

import re
from pathlib import Path
from typing import Any

import pydantic
import pytest

from slmcli.config import CleaningSettings, CorpusSettings, EvaluateSettings, ExportSettings, PreprocessSettings, Settings, TokenizerSettings, build
from slmcli.errors import ConfigError
from slmcli.recipe_files import read_recipe, to_yaml
from slmcli.sections import SECTIONS
from slmcli.training_config import FinetuneSettings

EVERY_MODEL = pytest.mark.parametrize("model", SECTIONS.values(), ids=SECTIONS.keys())


def problems(model: type[Settings], values: dict[str, Any]) -> list[str]:
    """Return the lines of the error that `values` cause."""
    with pytest.raises(ConfigError) as caught:
        build(model, values, source="recipe.yaml")
    return str(caught.value).splitlines()


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Where a test writes its recipe."""
    return tmp_path / "recipe.yaml"


@EVERY_MODEL
def test_every_setting_has_a_usable_default(model: type[Settings]) -> None:
    assert build(model, {}, source="test") == model()


@EVERY_MODEL
def test_every_setting_is_described(model: type[Settings]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        FinetuneSettings().seed = 1  # type: ignore[misc]


def test_narrow_keeps_the_values_of_the_smaller_model() -> None:
    settings = PreprocessSettings(encoding="big5", label_column="mood", max_length=7)
    assert settings.narrow(CorpusSettings) == CorpusSettings(encoding="big5", label_column="mood")


def test_narrow_leaves_defaults_where_there_is_nothing_to_take() -> None:
    assert ExportSettings(format="keras").narrow(CleaningSettings) == CleaningSettings()


def test_build_takes_names_with_dashes() -> None:
    assert build(FinetuneSettings, {"batch-size": 4}, source="test").batch_size == 4


def test_an_unknown_key_is_refused_with_the_nearest_one() -> None:
    assert problems(FinetuneSettings, {"dropuot": 0.1}) == ["recipe.yaml: 'dropuot' is not a setting. Did you mean 'dropout'?"]


def test_an_unknown_key_near_to_none_is_refused_with_all_of_them() -> None:
    expected = "recipe.yaml: 'zzzz' is not a setting. Known: format, quantize, standalone, max_drop, parity_examples, calibration_examples."
    assert problems(ExportSettings, {"zzzz": 1}) == [expected]


@pytest.mark.parametrize(
    ("model", "name", "value", "limit"),
    [
        (FinetuneSettings, "epochs", 0, "greater than or equal to 1"),
        (FinetuneSettings, "batch_size", 0, "greater than or equal to 1"),
        (FinetuneSettings, "learning_rate", -0.1, "greater than 0"),
        (FinetuneSettings, "learning_rate", 0, "greater than 0"),
        (FinetuneSettings, "learning_rate", float("nan"), "a finite number"),
        (FinetuneSettings, "dropout", -0.5, "greater than or equal to 0"),
        (FinetuneSettings, "dropout", 1.0, "less than 1"),
        (FinetuneSettings, "warmup", -0.1, "greater than or equal to 0"),
        (FinetuneSettings, "label_smoothing", -1, "greater than or equal to 0"),
        (FinetuneSettings, "clip_norm", -1, "greater than or equal to 0"),
        (FinetuneSettings, "patience", 0, "greater than or equal to 1"),
        (FinetuneSettings, "max_minutes", 0, "greater than 0"),
        (FinetuneSettings, "seed", -1, "greater than or equal to 0"),
        (PreprocessSettings, "vocabulary_size", 2, "greater than or equal to 7"),
        (PreprocessSettings, "min_frequency", 0, "greater than or equal to 1"),
        (PreprocessSettings, "max_length", 0, "greater than or equal to 1"),
        (PreprocessSettings, "test_share", 1.0, "less than 1"),
        (PreprocessSettings, "validation_share", -0.1, "greater than or equal to 0"),
        (EvaluateSettings, "batch_size", 0, "greater than or equal to 1"),
        (ExportSettings, "max_drop", -1, "greater than or equal to 0"),
    ],
)
def test_a_value_out_of_range_is_refused_with_its_limit(model: type[Settings], name: str, value: float, limit: str) -> None:
    assert problems(model, {name: value}) == [f"recipe.yaml: {name} is {value!r}: input should be {limit}."]


def test_an_infinite_learning_rate_is_refused() -> None:
    assert problems(FinetuneSettings, {"learning_rate": float("inf")})[0].startswith("recipe.yaml: learning_rate is inf: ")


def test_a_yes_is_not_a_number_of_epochs() -> None:
    # YAML reads a bare `yes` as true
    assert problems(FinetuneSettings, {"epochs": True})[0].startswith("recipe.yaml: epochs is True: ")


def test_a_choice_out_of_the_list_is_refused_with_the_list() -> None:
    expected = "recipe.yaml: splitter is 'regex': input should be 'regexp', 'wordpunct', 'space', 'treebank', 'tweet' or 'toktok'."
    assert problems(TokenizerSettings, {"splitter": "regex"}) == [expected]


def test_a_single_file_where_a_list_is_needed_is_refused() -> None:
    assert problems(PreprocessSettings, {"files": "a.csv"}) == ["recipe.yaml: files is 'a.csv': input should be a valid list."]


def test_a_wrong_member_of_a_list_is_named_by_its_place() -> None:
    assert problems(PreprocessSettings, {"files": ["a.csv", 1]}) == ["recipe.yaml: files.1 is 1: input should be a valid string."]


def test_shares_that_leave_nothing_to_train_on_are_refused() -> None:
    expected = "recipe.yaml: validation_share (0.5) and test_share (0.5) must add up to less than 1."
    assert problems(PreprocessSettings, {"validation_share": 0.5, "test_share": 0.5}) == [expected]


def test_all_problems_are_reported_at_once() -> None:
    found = problems(FinetuneSettings, {"epochs": 0, "dropuot": 0.1, "learning_rate": -1, "sede": 1})
    assert sorted(line.split()[1] for line in found) == ["'dropuot'", "'sede'", "epochs", "learning_rate"]


def test_a_recipe_has_one_section_a_command(recipe: Path) -> None:
    recipe.write_text("preprocess:\n  files: [a.csv]\nfinetune:\n  epochs: 2\n")
    assert read_recipe(recipe) == {"preprocess": {"files": ["a.csv"]}, "finetune": {"epochs": 2}}


def test_a_section_without_settings_is_empty(recipe: Path) -> None:
    recipe.write_text("finetune:\n")
    assert read_recipe(recipe) == {"finetune": {}}


def test_a_recipe_may_start_with_a_byte_order_mark(recipe: Path) -> None:
    recipe.write_bytes(b"\xef\xbb\xbffinetune:\r\n  epochs: 2\r\n")
    assert read_recipe(recipe) == {"finetune": {"epochs": 2}}


def test_a_number_with_an_exponent_is_a_number(recipe: Path) -> None:
    # YAML 1.1 reads 1e-3 as text
    recipe.write_text("finetune:\n  learning_rate: 1e-3\n")
    assert build(FinetuneSettings, read_recipe(recipe)["finetune"], source="test").learning_rate == 0.001


def test_a_misspelt_key_in_a_recipe_is_refused_with_the_nearest_one(recipe: Path) -> None:
    recipe.write_text("finetune:\n  learning-rat: 0.1\n")
    assert problems(FinetuneSettings, read_recipe(recipe)["finetune"]) == [
        "recipe.yaml: 'learning_rat' is not a setting. Did you mean 'learning_rate'?"
    ]


def test_a_misspelt_section_is_refused_with_the_nearest_one(recipe: Path) -> None:
    recipe.write_text("finetuen:\n  epochs: 1\n")
    known = "preprocess, pretrain, finetune, evaluate, export, predict, explain, generate"
    expected = f"{recipe}: section 'finetuen' is unknown. Known: {known}. Did you mean 'finetune'?"
    with pytest.raises(ConfigError, match=re.escape(expected)):
        read_recipe(recipe)


@pytest.mark.parametrize(("content", "shown"), [("[1, 2]", "[1, 2]"), ("fast", "'fast'"), ("3", "3")], ids=["list", "text", "number"])
def test_a_section_that_is_no_mapping_is_refused(recipe: Path, content: str, shown: str) -> None:
    recipe.write_text(f"finetune: {content}\n")
    with pytest.raises(ConfigError, match=re.escape(f"{recipe}: section 'finetune' is {shown}; it must be a mapping of settings.")):
        read_recipe(recipe)


@pytest.mark.parametrize(("content", "kind"), [("- a\n", "list"), ("hello\n", "str"), ("7\n", "int")], ids=["list", "text", "number"])
def test_a_recipe_that_is_no_mapping_is_refused(recipe: Path, content: str, kind: str) -> None:
    recipe.write_text(content)
    with pytest.raises(ConfigError, match=re.escape(f"{recipe}: a recipe is a mapping of sections, not {kind}.")):
        read_recipe(recipe)


@pytest.mark.parametrize(
    "content",
    ["finetune: [\n", "a: b: c\n", "\tfinetune:\n", "? [a]\n: 1\n", "!!python/object/apply:os.getcwd []\n", "finetune:\n  seed: 2024-13-01\n"],
    ids=["unclosed", "two colons", "tab", "list as key", "python object", "impossible date"],
)
def test_invalid_yaml_is_refused_with_the_name_of_the_recipe(recipe: Path, content: str) -> None:
    recipe.write_text(content)
    with pytest.raises(ConfigError, match=re.escape(f"{recipe} is not valid YAML: ")):
        read_recipe(recipe)


def test_a_missing_recipe_is_named(recipe: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"{recipe}: the recipe cannot be read") + ".*No such file.*`slm init` writes one"):
        read_recipe(recipe)


def test_a_recipe_that_is_not_utf_8_is_named(recipe: Path) -> None:
    recipe.write_bytes(b"finetune: {licence: caf\xe9}")
    with pytest.raises(ConfigError, match=re.escape(f"{recipe}: the recipe cannot be read") + ".*0xe9"):
        read_recipe(recipe)


def test_the_data_directory_is_filled_in_wherever_it_stands(recipe: Path) -> None:
    recipe.write_text("preprocess:\n  files: ['{data}/a.csv', b.csv]\n  test: '{data}/c.csv'\n")
    assert read_recipe(recipe, data="/corpora")["preprocess"] == {"files": ["/corpora/a.csv", "b.csv"], "test": "/corpora/c.csv"}


def test_a_missing_data_directory_is_asked_for(recipe: Path) -> None:
    recipe.write_text("preprocess:\n  files: ['{data}/a.csv']\n")
    expected = f"{recipe} needs a data directory: pass --data-dir DIR, which replaces {{data}} in '{{data}}/a.csv'."
    with pytest.raises(ConfigError, match=re.escape(expected)):
        read_recipe(recipe)


def test_a_data_directory_that_is_not_needed_changes_nothing(recipe: Path) -> None:
    recipe.write_text("preprocess:\n  files: [a.csv]\n")
    assert read_recipe(recipe, data="/corpora") == read_recipe(recipe)


def test_settings_written_as_yaml_are_read_back(recipe: Path) -> None:
    document = {"preprocess": PreprocessSettings(files=["影评.csv"], seed=3).model_dump()}
    recipe.write_text(to_yaml(document), encoding="utf-8")
    assert read_recipe(recipe) == document


def test_yaml_keeps_the_order_and_the_letters() -> None:
    assert to_yaml({"seed": 1, "files": ["影评.csv"], "epochs": None}) == "seed: 1\nfiles:\n- 影评.csv\nepochs: null\n"


@pytest.mark.parametrize("text", ["finetune:\n  seed: 1\n  seed: 2\n", "finetune:\n  max-minutes: 1\n  max_minutes: 2\n"], ids=["same", "dash"])
def test_a_key_that_stands_twice_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match="stands twice"):
        read_recipe(tmp_path / "recipe.yaml")


def test_an_anchor_that_refers_to_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("preprocess: &a {files: *a}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="anchor refers to itself|is not valid YAML"):
        read_recipe(tmp_path / "recipe.yaml")


def test_an_empty_recipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="the recipe is empty"):
        read_recipe(tmp_path / "recipe.yaml")


def test_a_number_of_devices_may_be_a_number_or_a_text() -> None:
    assert build(FinetuneSettings, {"devices": 2}, source="test").devices == build(FinetuneSettings, {"devices": "2"}, source="test").devices == "2"


def test_a_device_of_an_unknown_kind_is_named() -> None:
    with pytest.raises(ConfigError, match=r"test: devices is 'tpu': string should match pattern '\^\(auto\|cpu\|gpu"):
        build(FinetuneSettings, {"devices": "tpu"}, source="test")
