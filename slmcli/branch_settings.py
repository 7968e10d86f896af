"""What was asked for of a training and of its branches, divided among them and checked before a dataset is looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any  # Any: values as they come from flags and recipes

from slmcli.backbones import BACKBONES
from slmcli.backbones.base import Branch
from slmcli.base_model import Base
from slmcli.config import Settings, build
from slmcli.errors import ConfigError
from slmcli.files import sha256_file
from slmcli.registry import hint
from slmcli.training_config import FinetuneSettings
from slmcli.vector_files import VectorFile

AUTO = "auto"


@dataclass(frozen=True)
class Plan:
    """What a training will do.

    Attributes:
        settings: Of the training as a whole.
        branches: Name to settings of each; none while `--backbone auto` has seen no dataset.
        asked: What was asked for of branches, by whoever calls and, where they were silent, by the preset.
        source: Where it was asked for, for messages.
        given: All that was asked for, flat: what is not settled by what is learned from.
        reason: Why these branches were chosen.
        base: What the training begins with.
        vectors: The file that token vectors begin with; None without one, and before it was looked at.
    """

    settings: FinetuneSettings
    branches: Mapping[str, Branch]
    asked: Mapping[str, Any]
    source: str
    given: Mapping[str, Any] = field(default_factory=dict)
    reason: str = "asked for"
    base: Base | None = None
    vectors: VectorFile | None = None

    @cached_property
    def vectors_hash(self) -> list[str]:
        """SHA-256 of the file that token vectors begin with; none without one."""
        return [sha256_file(self.vectors.path)] if self.vectors else []

    def flat(self) -> dict[str, Any]:
        """Return all settings at one level, as a recipe has them."""
        return {**self.settings.model_dump(), **{name: value for branch in self.branches.values() for name, value in branch.model_dump().items()}}


def split_settings(values: Mapping[str, Any], *, source: str) -> Plan:
    """Divide flat settings into those of the training and those of its branches.

    Raises:
        ConfigError: A setting is unknown, belongs to another backbone, or is out of range.
    """
    rest, asked = split_fields(values, FinetuneSettings, source=source)
    kinds: dict[str, type[Branch]] = {name: BACKBONES.load(name) for name in BACKBONES.names()}
    settings = build(FinetuneSettings, rest, source=source)
    given = {name: value for name, value in {**rest, **asked}.items() if value is not None}
    if settings.backbone != AUTO:
        return Plan(settings, build_branches(branch_names(settings.backbone, source=source), asked, source=source), asked, source, given)
    for kind in kinds.values():
        build(kind, {key: value for key, value in asked.items() if key in kind.model_fields}, source=source)
    return Plan(settings, {}, asked, source, given)


def split_fields(values: Mapping[str, Any], model: type[Settings], *, source: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide flat settings into those of a model of settings and those of backbones.

    Raises:
        ConfigError: One belongs to neither.
    """
    named = {str(key).replace("-", "_"): value for key, value in values.items()}
    of_branches = fields_of(BACKBONES.names())
    rest = {key: value for key, value in named.items() if key not in of_branches}
    for key in rest:
        if key not in model.model_fields:
            known = [*model.model_fields, *sorted(of_branches)]
            raise ConfigError(f"{source}: {key!r} is not a setting.{hint(key, known) or ' Known: ' + ', '.join(known) + '.'}")
    return rest, {key: value for key, value in named.items() if key in of_branches}


def branch_names(backbone: str, *, source: str) -> list[str]:
    """Return the names that `--backbone` joins.

    Raises:
        ConfigError: One is unknown, or stands twice.
    """
    names = [name.strip() for name in backbone.split("+")]
    for name in names:
        BACKBONES.load(name)
        if names.count(name) > 1:
            raise ConfigError(f"{source}: backbone {backbone!r} names {name} twice. Name it once; --ensemble trains it more often.")
    return names


def build_branches(names: Sequence[str], asked: Mapping[str, Any], *, source: str) -> dict[str, Branch]:
    """Return the settings of each branch.

    Raises:
        ConfigError: Something was asked for that none of them has, or that is out of range.
    """
    kinds: dict[str, type[Branch]] = {name: BACKBONES.load(name) for name in names}
    fields = [field for kind in kinds.values() for field in kind.model_fields]
    for key in asked:
        if key not in fields:
            owner = next(other for other in BACKBONES.names() if key in BACKBONES.load(other).model_fields)
            chosen = "+".join(names)
            raise ConfigError(
                f"{source}: {key!r} is a setting of backbone {owner}, not of {chosen}. {chosen} has: {', '.join(dict.fromkeys(fields))}."
            )
    return {name: build(kind, {key: asked[key] for key in asked if key in kind.model_fields}, source=source) for name, kind in kinds.items()}


def fields_of(names: Sequence[str]) -> set[str]:
    """Return the settings that some of these branches have."""
    return {field for name in names for field in BACKBONES.load(name).model_fields}
