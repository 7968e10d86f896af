"""Tables of interchangeable members: a name stands for a module's attribute, loaded when asked for."""

import difflib
import importlib
from collections.abc import Iterable, Mapping
from typing import Any  # Any: a registry holds classes and functions of every family

from slmcli.errors import ConfigError


class Registry:
    """A literal table from public names to `module:attribute`; listing the names imports nothing."""

    def __init__(self, kind: str, table: Mapping[str, str]) -> None:
        self.kind = kind
        self._table = dict(table)

    def names(self) -> list[str]:
        """Return the registered names in the order of the table."""
        return list(self._table)

    def load(self, name: str) -> Any:
        """Import and return the member called `name`.

        Raises:
            ConfigError: No such member; the message lists the known ones.
        """
        if name not in self._table:
            raise ConfigError(f"{self.kind} {name!r} is unknown. Known: {', '.join(self._table)}.{hint(name, self._table)}")
        module, attribute = self._table[name].split(":")
        return getattr(importlib.import_module(module), attribute)


def hint(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known name nearest to `name`, or an empty string."""
    near = difflib.get_close_matches(str(name), [str(k) for k in known], n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""
