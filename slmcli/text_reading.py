"""How a format that holds texts gets at their graph, without TensorFlow for those that do not."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: the graph, of a module that needs TensorFlow

from slmcli.text_parts import TextParts


@dataclass(frozen=True)
class GraphReading:
    """The way from texts to features and from outputs to answers, to be put into a graph."""

    parts: TextParts

    def check(self) -> None:
        """Refuse what a graph cannot do exactly as in training.

        Raises:
            ConfigError: There is such a part.
        """
        self.parts.check()

    def open(self, directory: Path) -> Any:
        """Return a `TextGraph`, which writes files into the directory."""
        from slmcli.text_graph import TextGraph

        return TextGraph(self.parts, directory)
