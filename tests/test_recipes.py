import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from slmcli.backbones import BACKBONES
from slmcli.branch_settings import build_branches, split_fields
from slmcli.config import CorpusSettings, build
from slmcli.errors import ConfigError, DataError
from slmcli.language_model_config import PretrainSettings
from slmcli.recipe_files import read_recipe
from slmcli.recipes import write_recipe
from slmcli.sections import NO_STAGES, SECTIONS
from slmcli.tasks import TASKS
from slmcli.training_config import FinetuneSettings

ROOT = Path(__file__).parents[1]

# kind of a field -> a value
VALUES: dict[str, Any] = {
    "text": "rain", "label": "a", "labels": ["a"], "number": 1.5, "words": ["rain"], "turns": ["rain"], "answers": {"text": [], "answer_start": []}
}  # fmt: skip


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "mail.csv"
    path.write_text("id,Message,Category\n1,hello there,ham\n2,win money,spam\n", encoding="utf-8")
    return str(path)


LABELLING = [name for name in TASKS.names() if name != "language-model"]
PAIRS = [*itertools.product(LABELLING, BACKBONES.names()), *(("language-model", name) for name in BACKBONES.names() if name != "bag")]


@pytest.mark.parametrize(("task", "backbone"), PAIRS)
def test_a_written_recipe_is_valid_and_complete(task: str, backbone: str, tmp_path: Path) -> None:
    row = {field.name: VALUES[field.kind] for field in TASKS.load(task).fields}
    (tmp_path / "corpus.jsonl").write_text(json.dumps(row), encoding="utf-8")
    text = write_recipe(task, [str(tmp_path / "corpus.jsonl")], backbone=backbone, reading=CorpusSettings())
    (tmp_path / "recipe.yaml").write_text(text, encoding="utf-8")
    sections = read_recipe(tmp_path / "recipe.yaml")
    writing = {"pretrain", "generate"}
    stages = set(SECTIONS) - NO_STAGES
    assert set(sections) == {name for name in stages if name == "preprocess" or (name in writing) == (task == "language-model")}
    training, model = ("pretrain", PretrainSettings) if task == "language-model" else ("finetune", FinetuneSettings)
    rest, asked = split_fields(sections[training], model, source="recipe")
    assert build(model, rest, source="recipe").backbone == backbone
    assert build_branches([backbone], asked, source="recipe")


def test_a_bag_writes_nothing() -> None:
    with pytest.raises(ConfigError, match=r"backbone bag has no order of tokens, and so writes nothing. Choose another, such as lstm\."):
        write_recipe("language-model", [], backbone="bag", reading=CorpusSettings())


def test_a_written_recipe_names_the_columns_it_found(table: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(write_recipe("topic", [table], backbone="conv", reading=CorpusSettings()), encoding="utf-8")
    section = read_recipe(tmp_path / "recipe.yaml")["preprocess"]
    assert (section["text_column"], section["label_column"]) == ("Message", "Category")


def test_every_setting_of_a_written_recipe_is_explained(table: str) -> None:
    lines = write_recipe("topic", [table], backbone="conv", reading=CorpusSettings()).splitlines()
    keys = [index for index, line in enumerate(lines) if line.startswith("  ") and not line.startswith(("  #", "  -")) and not line.endswith("{}")]
    assert [lines[index] for index in keys if not lines[index - 1].startswith("  # ") or len(lines[index - 1]) < 10] == []


def test_a_recipe_for_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none.csv does not exist"):
        write_recipe("topic", [str(tmp_path / "none.csv")], backbone="conv", reading=CorpusSettings())


@pytest.mark.parametrize("path", sorted(ROOT.glob("recipes/*/recipe.yaml")), ids=lambda path: path.parent.name)
def test_the_recipes_of_the_project_are_valid(path: Path) -> None:
    sections = read_recipe(path, data="data")
    trainings = {"pretrain": PretrainSettings, "finetune": FinetuneSettings}
    values = {name: split_fields(given, trainings[name], source=str(path))[0] if name in trainings else given for name, given in sections.items()}
    assert [build(SECTIONS[name], given, source=str(path)) for name, given in values.items()]


@pytest.mark.parametrize("path", sorted(ROOT.glob("recipes/*/recipe.yaml")), ids=lambda path: path.parent.name)
def test_every_recipe_has_a_page_and_expected_figures(path: Path) -> None:
    assert (path.parent / "README.md").exists()
    assert (path.parent / "expected.json").exists()


def test_a_recipe_says_how_its_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text("body;mood\nrain;bad\n", encoding="utf-8")
    reading = CorpusSettings(text_column="body", label_column="mood", format="csv")
    (tmp_path / "recipe.yaml").write_text(write_recipe("topic", [str(tmp_path / "odd.csv")], backbone="conv", reading=reading))
    section = read_recipe(tmp_path / "recipe.yaml")["preprocess"]
    assert (section["text_column"], section["label_column"], section["format"]) == ("body", "mood", "csv")
