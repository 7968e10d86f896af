"""Names of the cleaning steps and the arguments they take: what a list of steps must look like, without doing any of them."""

import re
from collections.abc import Iterable

from slmcli.registry import hint

# those of nltk.stem.SnowballStemmer
STEMMERS = (
    "arabic", "danish", "dutch", "english", "finnish", "french", "german", "hungarian",
    "italian", "norwegian", "porter", "portuguese", "romanian", "russian", "spanish", "swedish",
)  # fmt: skip
# step to the pattern of its argument and what to say of a wrong one; no pattern: it takes none
CLEANING_STEPS: dict[str, tuple[str, str]] = {
    "broken_entities": ("", ""),
    "markup": ("", ""),
    "nfc": ("", ""),
    "nfd": ("", ""),
    "nfkc": ("", ""),
    "urls": ("", ""),
    "emails": ("", ""),
    "mentions": ("", ""),
    "numbers": ("", ""),
    "lowercase": ("", ""),
    "repeats": (r"(?::[1-9]\d?)?", "the longest run that stays, from 1 to 99, such as repeats:3"),
    "accents": ("", ""),
    "punctuation": ("", ""),
    "simplified": ("", ""),
    "traditional": ("", ""),
    "stopwords": (r":[a-z]{2,3}(?::[0-9a-f]{8})?", "a language code, such as stopwords:en"),
    "stem": (f"(?::(?:{'|'.join(STEMMERS)}))?", f"one of {', '.join(STEMMERS)}, such as stem:english"),
    "whitespace": ("", ""),
}


def check_steps(steps: str | Iterable[str]) -> list[str]:
    """Return cleaning steps one by one, of which some may have been written with commas; `none` alone stands for no step.

    Raises:
        ValueError: A step is unknown, has a wrong argument, or stands twice.
    """
    parts = [steps] if isinstance(steps, str) else steps
    single = [part.strip() for step in parts for part in step.split(",")]
    if single == ["none"]:
        return []
    for position, step in enumerate(single):
        _check_step(step)
        if (same := _what_it_does(step)) in map(_what_it_does, single[:position]):
            raise ValueError(f"cleaning step {same!r} stands twice; leave one out")
    return single


def is_text_or_texts(value: object) -> bool:
    """Tell whether a value of a file can be read as cleaning steps."""
    return isinstance(value, str) or (isinstance(value, list | tuple) and all(isinstance(item, str) for item in value))


def _check_step(step: str) -> None:
    name, colon, argument = step.partition(":")
    if step == "none":
        raise ValueError("'none' means no cleaning step and stands alone; leave it or the other steps out")
    if name not in CLEANING_STEPS:
        raise ValueError(f"cleaning step {name!r} is unknown.{hint(name, CLEANING_STEPS)} Known: {', '.join(CLEANING_STEPS)}, or none")
    pattern, wanted = CLEANING_STEPS[name]
    if not pattern and colon:
        raise ValueError(f"cleaning step {name!r} takes no argument, but has {argument!r}; write {name}")
    if not re.fullmatch(pattern, colon + argument):
        raise ValueError(f"cleaning step {name!r} has the argument {argument!r}; it takes {wanted}")


def _what_it_does(step: str) -> str:
    """Return the name, by which a step stands once; stop words of several languages may be removed one after the other."""
    name, _, argument = step.partition(":")
    return f"{name}:{argument.partition(':')[0]}" if name == "stopwords" else name
