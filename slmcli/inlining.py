"""Make one Python file of the parts of this package that a program needs: the definitions that a name reaches, and no others."""

import ast
import importlib.util
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path

_PACKAGE = "slmcli"
# a module and a name in it; an empty name: the module itself
Imported = tuple[str, str]


@dataclass(frozen=True)
class Inlined:
    """What was taken from modules.

    Attributes:
        without: Names of methods that are left out of classes.
        imports: What it imports from elsewhere.
        modules: Module to the names of the definitions taken from it.
    """

    without: Collection[str]
    imports: set[Imported] = field(default_factory=set)
    modules: dict[str, set[str]] = field(default_factory=dict)

    def take(self, module: str, name: str) -> None:
        """Take a definition from the top of a module, and all that it uses; a name that stands for nothing there is let go."""
        definitions, imported = _module(module)
        if name in imported:
            source, original = imported[name]
            if source.split(".")[0] == _PACKAGE:
                self.take(source, original)
            else:
                self.imports.add(imported[name])
        elif name in definitions and name not in self.modules.setdefault(module, set()):
            self.modules[module].add(name)
            for used in _names_in(definitions[name], self.without):
                self.take(module, used)

    def source(self) -> str:
        """Return the definitions, what is used standing before what uses it at the top of a file."""
        parts: list[tuple[ast.stmt, str]] = []
        for module in dict.fromkeys(_by_imports(self.modules)):
            nodes = {id(node): node for name, node in _module(module)[0].items() if name in self.modules.get(module, ())}
            parts += [(node, _segment(module, node, self.without)) for node in sorted(nodes.values(), key=lambda node: node.lineno)]
        is_long = [isinstance(node, ast.FunctionDef | ast.ClassDef) for node, _ in parts]
        between = ["\n\n\n" if one or other else "\n" for one, other in pairwise(is_long)]
        return "".join(text + space for (_, text), space in zip(parts, [*between, ""], strict=True))


def inline(entries: Sequence[Imported], *, without: Collection[str] = ()) -> Inlined:
    """Return what the definitions need that are given as pairs of a module of this package and a name in it.

    Only what stands at the top of a module is taken; imports inside functions stay where they are.

    Args:
        entries: The definitions.
        without: Names of methods that classes do without.
    """
    found = Inlined(without)
    for module, name in entries:
        found.take(module, name)
    return found


def imports_of(imported: Collection[Imported]) -> str:
    """Return import statements: those of the standard library, then those of other packages."""
    names: dict[str, list[str]] = {}
    for module, name in sorted(imported):
        names.setdefault(module, []).append(name)
    statements = {
        module: ([f"import {module}" if module != "numpy" else "import numpy as np"] if "" in found else [])
        + ([f"from {module} import {', '.join(name for name in found if name)}"] if any(found) else [])
        for module, found in names.items()
    }
    groups = [[each for each in statements if (each.split(".")[0] in sys.stdlib_module_names) is is_own] for is_own in (True, False)]
    lines = [sorted((line for module in group for line in statements[module]), key=lambda line: line.startswith("from")) for group in groups]
    return "\n\n".join("\n".join(group) for group in lines if group)


def _names_in(node: ast.stmt, without: Collection[str]) -> set[str]:
    """Return the names that a definition uses, but for those of its methods that are left out."""
    left_out = {id(inner) for method in _methods(node, without) for inner in ast.walk(method)}
    names = (inner for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load))
    return {name.id for name in names if id(name) not in left_out}


def _methods(node: ast.stmt, names: Collection[str]) -> list[ast.FunctionDef]:
    return [each for each in getattr(node, "body", []) if isinstance(each, ast.FunctionDef) and each.name in names]


@cache
def _module(module: str) -> tuple[dict[str, ast.stmt], dict[str, Imported]]:
    """Return the definitions at the top of a module by name, and what it imports by the name that it has here."""
    definitions: dict[str, ast.stmt] = {}
    imported: dict[str, Imported] = {}
    for node in ast.parse(_text(module)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            definitions[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            definitions.update({each.id: node for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)})
        elif isinstance(node, ast.Import):
            imported.update({alias.asname or alias.name: (alias.name, "") for alias in node.names})
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.update({alias.asname or alias.name: (node.module, alias.name) for alias in node.names})
    return definitions, imported


@cache
def _text(module: str) -> str:
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(module)
    return Path(found.origin).read_text(encoding="utf-8")


def _by_imports(modules: Collection[str]) -> Iterator[str]:
    """Yield modules and those that they import, these first; some more than once."""
    for module in sorted(modules):
        yield from _by_imports({source for source, _ in _module(module)[1].values() if source.split(".")[0] == _PACKAGE})
        yield module


def _segment(module: str, node: ast.stmt, without: Collection[str]) -> str:
    """Return the lines of a definition, with the comments right above it."""
    lines = _text(module).splitlines()
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))]) - 1
    while first and lines[first - 1].startswith("#"):
        first -= 1
    # a method that is left out goes with the empty line above it
    left_out = {number for method in _methods(node, without) for number in range(method.lineno - 2, method.end_lineno or 0)}
    return "\n".join(line for number, line in enumerate(lines[: node.end_lineno]) if number >= first and number not in left_out)
