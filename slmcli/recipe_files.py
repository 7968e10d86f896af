"""Recipe files: YAML with one section a command, its keys the names of settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any  # Any: values as they come from a YAML file

from slmcli.errors import ConfigError
from slmcli.registry import hint
from slmcli.sections import SECTIONS


def read_recipe(path: Path, *, data: str | None = None) -> dict[str, dict[str, Any]]:
    """Read a recipe: YAML with one section a command.

    Args:
        path: The recipe file.
        data: What replaces `{data}` in its strings.

    Raises:
        ConfigError: The file is missing, is not YAML, or has an unknown section.
    """
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the recipe cannot be read ({error}). Give the path of a YAML file; `slm init` writes one.") from error
    try:
        document = _load_yaml(text) or {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}. Correct it, or write a new one with `slm init`.") from error
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: a recipe is a mapping of sections, not {type(document).__name__}. Known sections: {', '.join(SECTIONS)}.")
    for section, values in document.items():
        if section not in SECTIONS:
            raise ConfigError(f"{path}: section {section!r} is unknown. Known: {', '.join(SECTIONS)}.{hint(section, SECTIONS)}")
        if values is not None and not isinstance(values, dict):
            raise ConfigError(f"{path}: section {section!r} is {values!r}; it must be a mapping of settings.")
    if not document:
        raise ConfigError(f"{path}: the recipe is empty. Give it a section such as preprocess or finetune; `slm init` writes a complete one.")
    try:
        return {section: _fill(values or {}, data, path) for section, values in document.items()}
    except RecursionError as error:
        raise ConfigError(f"{path}: a YAML anchor refers to itself. Write the value out.") from error


def _load_yaml(text: str) -> Any:  # Any: a YAML value
    """Load YAML safely, refusing a key that stands twice, of which YAML would silently keep the last."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = [str(self.construct_object(key)).replace("-", "_") for key, _ in node.value]
            repeated = next((key for key in keys if keys.count(key) > 1), None)
            if repeated is not None:
                raise ValueError(f"{repeated!r} stands twice{node.start_mark!s}")
            return super().construct_mapping(node, deep)

    return yaml.load(text, Loader)  # noqa: S506  (a SafeLoader)


def _fill(value: Any, data: str | None, path: Path) -> Any:  # Any: a YAML value
    if isinstance(value, dict):
        return {key: _fill(item, data, path) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, data, path) for item in value]
    if isinstance(value, str) and "{data}" in value:
        if data is None:
            raise ConfigError(f"{path} needs a data directory: pass --data-dir DIR, which replaces {{data}} in {value!r}.")
        return value.replace("{data}", data)
    return value


def to_yaml(document: Mapping[str, Any]) -> str:
    """Return settings as YAML text, in their own order."""
    import yaml

    return yaml.safe_dump(dict(document), sort_keys=False, allow_unicode=True)
