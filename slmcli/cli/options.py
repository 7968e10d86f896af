"""Options made from the settings models, and what every command does around its work."""

import json
import logging
import os
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: click's values

import click
from pydantic.fields import FieldInfo

from slmcli.config import Settings, choices_of, ordered_fields, without_none
from slmcli.errors import ConfigError
from slmcli.recipe_files import read_recipe

Command = Callable[..., Any]


def settings_options(
    *models: type[Settings],
    choices: Mapping[str, Sequence[str]] | None = None,
    notes: Mapping[str, str] | None = None,
    leave_out: Sequence[str] = (),
) -> Callable[[Command], Command]:
    """Add an option for every field of the models; the default is left to the model, so that a recipe can set it.

    Args:
        models: Settings models.
        choices: Field name to the names it may take.
        notes: Field name to what its help shall say beside its description.
        leave_out: Fields that are arguments instead.
    """
    fields = {name: field for model in models for name, field in ordered_fields(model).items() if name not in leave_out}

    def decorate(command: Command) -> Command:
        for name, field in reversed(fields.items()):
            command = click.option(*_names(name, field), name, **_describe(field, (choices or {}).get(name), (notes or {}).get(name)))(command)
        return command

    return decorate


def _names(name: str, field: FieldInfo) -> tuple[str, ...]:
    option = "--" + name.replace("_", "-")
    return (f"{option}/--no-{option[2:]}",) if without_none(field) is bool else (option,)


def _describe(field: FieldInfo, choices: Sequence[str] | None, note: str | None) -> dict[str, Any]:
    annotation, default = without_none(field), field.default
    text = (field.description or "") + (f"; {note}" if note else "")
    if default not in (None, [], ""):
        shown = (
            ",".join(map(str, default))
            if isinstance(default, list)
            else {True: "on", False: "off"}.get(default, default)
            if isinstance(default, bool)
            else default
        )
        text += f"  [default: {shown}]"
    described: dict[str, Any] = {"help": text, "default": None}
    if choices or choices_of(field):
        return {**described, "type": click.Choice(list(choices or choices_of(field)))}
    if annotation is bool:
        return described
    if annotation == list[str]:
        return {**described, "multiple": True, "default": (), "metavar": "VALUE"}
    if typing.get_origin(annotation) is list:
        return {**described, "callback": _split_numbers, "metavar": "N,N,…"}
    return {**described, "type": {int: int, float: float}.get(annotation, str)}


def _split_numbers(ctx: click.Context, parameter: click.Parameter, value: str | None) -> list[int] | None:
    if value is None:
        return None
    try:
        return [int(part) for part in value.split(",")]
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not a list of whole numbers such as 1,2,3.") from error


def common_options(*, writes: bool = True, resumes: bool = False, recipe: bool = True) -> Callable[[Command], Command]:
    """Add the options that mean the same everywhere."""

    def decorate(command: Command) -> Command:
        command = click.option("--debug", is_flag=True, help="show a traceback for every error")(command)
        command = click.option("--verbose", "-v", is_flag=True, help="say more")(command)
        command = click.option("--quiet", "-q", is_flag=True, help="say nothing but results and errors")(command)
        command = click.option("--json", "as_json", is_flag=True, help="print exactly one JSON object")(command)
        if writes:
            command = click.option("--overwrite", is_flag=True, help="replace an existing output")(command)
        if resumes:
            command = click.option("--resume", is_flag=True, help="go on with an unfinished run")(command)
        command = click.option(
            "--work", type=click.Path(path_type=Path), envvar="SLM_WORK", default="work", help="where outputs go by default  [default: work]"
        )(command)
        if recipe:
            command = click.option("--data-dir", help="what replaces {data} in the recipe")(command)
            command = click.option("--recipe", type=click.Path(path_type=Path), help="YAML file with this command's settings")(command)
        return command

    return decorate


def gather(section: str, flags: Mapping[str, Any], recipe: Path | None, data: str | None) -> tuple[dict[str, Any], str]:
    """Return settings by force: flag, else recipe; and where they come from, for messages."""
    given = {name: value for name, value in flags.items() if value is not None and value != ()}
    if recipe is None:
        return given, "options"
    sections = read_recipe(recipe, data=data)
    if section not in sections:
        raise ConfigError(f"{recipe} has no section {section!r}; it has: {', '.join(sections) or 'none'}. Add one, or leave --recipe out.")
    named = {str(key).replace("-", "_"): value for key, value in sections[section].items() if value is not None}
    return {**named, **given}, str(recipe)


def refuse_both(*, resume: bool, overwrite: bool) -> None:
    """Refuse to go on and to begin anew at once.

    Raises:
        ConfigError: Both are asked for.
    """
    if resume and overwrite:
        raise ConfigError("--resume and --overwrite exclude each other: go on, or begin anew. Pass one.")


def set_up_logging(*, quiet: bool, verbose: bool) -> None:
    """Send the library's messages to standard error."""
    logger = logging.getLogger("slmcli")
    logger.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.handlers = [handler]
    logger.propagate = False


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON object on one line, paths as they are."""
    click.echo(json.dumps(document, ensure_ascii=False))


def locate(directory: Path | None, work: Path, names: Sequence[str], *, task: str | None, made_by: str) -> Path:
    """Return the directory to read: the one given, else the only one of that name below the work directory.

    Args:
        directory: What the user named.
        work: The work directory.
        names: Directory names below `work/TASK/`, the preferred first.
        task: The task, when known.
        made_by: The command that makes such a directory.
    """
    if directory is not None:
        return directory
    for name in names:
        found = sorted(work.glob(f"{task or '*'}/{name}"))
        if len(found) == 1:
            return found[0]
        if found:
            raise ConfigError(f"there are several: {', '.join(map(str, found))}. Name the one to use.")
    where = work / (task or "TASK") / names[-1]
    raise ConfigError(f"nothing to work on: {where} does not exist. Make it with `slm {made_by}`, or name a directory.")


def is_terminal() -> bool:
    """Say whether standard error is a terminal that can redraw a line."""
    return os.isatty(2) and os.environ.get("TERM") != "dumb"
