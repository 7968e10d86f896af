"""Templates filled with values: what every page has in common."""

import re
from typing import Any  # Any: whatever a template shows

from slmcli import __version__
from slmcli.inspection import excerpt, split_row
from slmcli.score_words import BASELINE_NAMES

_OPTION = re.compile(r"(--[a-z][a-z-]*[a-z](?: (?:\d+|skip|bpe|FIELD=NAME)\b)?)")


def render(template: str, **values: Any) -> str:
    """Return a page of `templates/` with its values and the release; what it shows is escaped, what it lacks is an error.

    Args:
        template: File name of the template.
        values: What it shows.
    """
    return make_environment().get_template(template).render(version=__version__, **values)


def make_environment() -> Any:
    """Return what fills templates: those of `templates/`, and how numbers, rows and options are written."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("slmcli.report", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["number"] = lambda value: f"{value:,}"
    environment.filters["percent"] = _percent
    environment.filters["split_row"] = split_row
    environment.filters["excerpt"] = excerpt
    environment.filters["options"] = _mark_options
    environment.filters["score"] = _score
    environment.filters["bytes"] = _bytes
    environment.filters["baseline"] = BASELINE_NAMES.__getitem__
    environment.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    return environment


def _percent(share: float) -> str:
    """Return a share as it is read, its sign on the same line."""
    return f"{100 * share:.1f}\u00a0%" if share < 0.9995 or share == 1 else "over 99.9\u00a0%"


def _score(value: float, is_share: bool) -> str:
    return f"{100 * value:.1f}\u00a0%" if is_share else f"{value:.3f}"


def _bytes(size: int) -> str:
    return f"{size / 1e6:.2f}\u00a0MB" if size >= 1e6 else f"{size / 1e3:.1f}\u00a0kB"


def _mark_options(text: str) -> str:
    """Mark the options of a command in a sentence, which may hold anything, as code that is not broken over two lines."""
    from markupsafe import Markup, escape

    parts = _OPTION.split(text)
    return Markup("").join(Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts))
