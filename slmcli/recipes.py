"""Write a complete recipe: every setting with its meaning and its default."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: values of settings

from pydantic.fields import FieldInfo

from slmcli.backbones import BACKBONES
from slmcli.config import CorpusSettings, Settings, choices_of, ordered_fields
from slmcli.corpus_identity import LANGUAGE_MODEL
from slmcli.errors import ConfigError
from slmcli.fields import Field
from slmcli.reading import Columns, read_examples
from slmcli.recipe_files import to_yaml
from slmcli.sections import NO_STAGES, SECTIONS
from slmcli.tasks import TASKS
from slmcli.text_files import STANDARD_INPUT

# what only a person can know, left out of a recipe unless asked for
_PERSONAL = frozenset({"input", "texts", "data", "require", "split", "prompts", "init_from", "causal"})


def write_recipe(task: str, files: list[str], *, backbone: str, reading: CorpusSettings) -> str:
    """Return the text of a recipe for a task and corpus files.

    Args:
        task: Name of the task.
        files: Corpus files; none for the sample corpus.
        backbone: Name of the backbone.
        reading: How the files are read.

    Raises:
        ConfigError: The backbone is none for the task.
        DataError: A file cannot be read or its columns are not obvious.
    """
    if task == LANGUAGE_MODEL and backbone == "bag":
        raise ConfigError("backbone bag has no order of tokens, and so writes nothing. Choose another, such as lstm.")
    columns = _guess_columns(files, TASKS.load(task).fields, reading)
    known: dict[str, dict[str, Any]] = {
        "preprocess": {"task": task, "files": files, **reading.model_dump(exclude_defaults=True), **columns},
        "pretrain": {"backbone": backbone},
        "finetune": {"task": task, "backbone": backbone},
        "export": {"format": "keras"} if "litert" in BACKBONES.load(backbone).lacking_formats else {"quantize": "dynamic"},
    }
    command = "slm run recipe.yaml"
    parts = [f"# A recipe for slm: `{command}` runs every stage; what is up to date is skipped.\n# A value of null means that slm chooses.\n"]
    for section in _sections_for(task):
        model = SECTIONS[section]
        models = (model, BACKBONES.load(backbone)) if section in ("finetune", "pretrain") else (model,)
        parts.append(_section(section, models, known.get(section, {})))
    return "\n".join(parts)


def _sections_for(task: str) -> list[str]:
    """Return the stages of a task: texts are learned from and written, or examples are learned from and labelled."""
    writing = {"pretrain", "generate"}
    stages = [name for name in SECTIONS if name not in NO_STAGES]
    return [name for name in stages if name == "preprocess" or (name in writing) == (task == LANGUAGE_MODEL)]


def _guess_columns(files: list[str], fields: Sequence[Field], reading: CorpusSettings) -> dict[str, str | None]:
    found: list[Columns] = []
    for file in files:
        if Path(file) != STANDARD_INPUT:
            next(iter(read_examples([file], reading, fields=fields, on_columns=lambda _, columns: found.append(columns))))
    return {f"{field}_column": name for field, name in found[0].names.items() if field in ("text", "label")} if found else {}


def _section(name: str, models: tuple[type[Settings], ...], known: Mapping[str, Any]) -> str:
    lines = [f"{name}:"]
    for model in models:
        for key, field in ordered_fields(model).items():
            if key in _PERSONAL:
                continue
            value = known.get(key, field.get_default())
            lines.append(f"  # {_comment(field)}")
            lines += ["  " + line for line in to_yaml({key: value}).rstrip("\n").splitlines()]
    return "\n".join(lines) + ("\n" if len(lines) > 1 else " {}\n")


def _comment(field: FieldInfo) -> str:
    choices = choices_of(field)
    return (field.description or "") + (f" ({', '.join(choices)})" if choices else "")
