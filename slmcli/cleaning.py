"""Clean a text before it is split into tokens; the same steps in training and at inference."""

import html
import re
import unicodedata

from slmcli.config import CleaningSettings

# our choice: a tag starts with a letter, "/" or "!" right behind "<" and is short, so that "a < b and c > d" and "<3" stay
_TAG = re.compile(r"<[a-zA-Z/!][^<>]{0,200}>")
_SPACE = re.compile(r"\s+")


def clean(text: str, settings: CleaningSettings) -> str:
    """Return the text in one Unicode form, without markup, in lower case, with single spaces, as the settings ask.

    Lone surrogates become U+FFFD, so that every string can be written as UTF-8.
    """
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if settings.markup:
        text = html.unescape(_TAG.sub(" ", text))
    if settings.unicode_form != "none" and not text.isascii():
        text = unicodedata.normalize(settings.unicode_form, text)
    if settings.lowercase:
        text = text.lower()
    return _SPACE.sub(" ", text).strip()
