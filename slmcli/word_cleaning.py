"""Cleaning steps that know a language: stop words, stems, simplified and traditional Chinese.

Each is a function from a text to its edits: [start, end) in characters and what takes the place of that part, from left to right.
"""

import functools
import hashlib
import logging
import re
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from typing import Any  # Any: objects of packages that are imported on use

from slmcli.errors import ConfigError, DataError, MissingPackageError
from slmcli.registry import hint

Edit = tuple[int, int, str]
PLACEHOLDERS = frozenset({"_url_", "_email_", "_user_", "_number_"})
# the Han blocks of Unicode 15 (Blocks.txt), and the Chinese zero
HAN = r"\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
# NLTK's name of the list of a language
NLTK_LISTS = {
    "ar": "arabic", "az": "azerbaijani", "be": "belarusian", "bn": "bengali", "ca": "catalan", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "es": "spanish", "eu": "basque", "fi": "finnish", "fr": "french", "he": "hebrew", "hu": "hungarian", "id": "indonesian",
    "it": "italian", "kk": "kazakh", "ne": "nepali", "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sl": "slovene", "sq": "albanian", "sv": "swedish", "ta": "tamil", "tg": "tajik", "tr": "turkish", "zh": "chinese",
}  # fmt: skip
# written without spaces, and no package here finds their words
UNSEGMENTED = frozenset({"ja", "th"})
# our choice: longer than any word of a dictionary; NLTK's stemmers take time that grows with the square of the length
_LONGEST_STEMMED = 64
# our choice: characters that are converted at once; opencc takes time that grows with the square of a run without signs
_CONVERTED_AT_ONCE = 256
# our choice: the words of a large corpus, some 30 MB
_CACHED_STEMS = 200_000


def stop_word_edits(language: str, fingerprint: str = "") -> Callable[[str], Iterator[Edit]]:
    """Return a function that finds the stop words of a language; those of Chinese give way to a space, so that their neighbours stay apart.

    Args:
        language: ISO 639-1 code.
        fingerprint: What `stop_words_fingerprint` said when the texts of the training were cleaned; empty: whatever list is here.
    """
    words = _stop_words(language, fingerprint)
    if language == "zh":
        return functools.partial(_chinese_stop_words, words=words)
    return functools.partial(_spaced_stop_words, words=words)


def stop_words_fingerprint(language: str, fingerprint: str = "") -> str:
    """Return 8 hexadecimal digits that stand for the stop words of a language, and for how its words are found.

    Raises:
        ConfigError: No list has this language.
        DataError: `fingerprint` is given, and no list here has it.
        MissingPackageError: There is no list of any language.
    """
    return _fingerprint(language, _stop_words(language, fingerprint))


def stem_edits(stemmer: str) -> Callable[[str], Iterator[Edit]]:
    """Return a function that finds the words which are not their own stem; stems are in lower case."""
    return functools.partial(_stems, stem=_stemmer(stemmer))


def conversion_edits(conversion: str) -> Callable[[str], Iterator[Edit]]:
    """Return a function that finds the Chinese characters to write in another way.

    Args:
        conversion: `t2s` for simplified characters, `s2t` for traditional ones.

    Raises:
        MissingPackageError: opencc is not installed.
    """
    return functools.partial(_conversions, convert=_converter(conversion))


@functools.lru_cache(maxsize=1)
def chinese_segmenter() -> Any:
    """Return jieba's tokenizer with its own dictionary, without the cache file that others on this machine could have written."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about pkg_resources, which jieba asks for
        import jieba

    jieba.setLogLevel(logging.WARNING)
    segmenter = jieba.Tokenizer()
    segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
    segmenter.initialized = True
    return segmenter


def _spaced_stop_words(text: str, *, words: frozenset[str]) -> Iterator[Edit]:
    for match in _words_of(text):
        if match.group().lower().replace("’", "'") in words:
            yield match.start(), match.end(), ""


def _chinese_stop_words(text: str, *, words: frozenset[str]) -> Iterator[Edit]:
    for match in _HAN_OR_OTHER_WORD.finditer(text):
        start = match.start()
        for word in chinese_segmenter().cut(match.group()) if match.lastgroup == "han" else [match.group()]:
            if word.lower() in words:
                yield start, start + len(word), " "
            start += len(word)


def _stems(text: str, *, stem: Callable[[str], str]) -> Iterator[Edit]:
    for match in _words_of(text):
        word = match.group()
        if len(word) <= _LONGEST_STEMMED and word not in PLACEHOLDERS and (stemmed := stem(word)) != word:
            yield match.start(), match.end(), stemmed


def _conversions(text: str, *, convert: Callable[[str], str]) -> Iterator[Edit]:
    for match in _HAN_RUN.finditer(text):
        converted = convert(match.group())
        if len(converted) != len(match.group()):
            yield match.start(), match.end(), converted
        elif converted != match.group():
            for position, (before, after) in enumerate(zip(match.group(), converted, strict=True), match.start()):
                if before != after:
                    yield position, position + 1, after


def _words_of(text: str) -> Iterator[re.Match[str]]:
    """Yield words with their marks and inner apostrophes; ASCII needs no marks, and is the common case."""
    return (_ASCII_WORD if text.isascii() else _any_word()).finditer(text)


# lookaheads: see pretokens.WORD_PATTERN
_ASCII_WORD = re.compile(r"\w++(?:(?='\w)'\w++)*+")
_HAN_RUN = re.compile(f"[{HAN}]{{1,{_CONVERTED_AT_ONCE}}}")
_HAN_OR_OTHER_WORD = re.compile(rf"(?P<han>[{HAN}]++)|[^\W{HAN}]++")


@functools.lru_cache(maxsize=1)
def _any_word() -> re.Pattern[str]:
    """Return a pattern of words in any script, with the vowel signs and joiners that `re` does not count as letters."""
    marks = "".join(character for character in map(chr, range(0x300, 0x1F000)) if unicodedata.category(character)[0] == "M")
    letter = rf"[\w\u200c\u200d{marks}]"
    return re.compile(f"(?=\\w){letter}++(?:(?=['’]{letter})['’]{letter}++)*+")


@functools.lru_cache(maxsize=16)
def _stop_words(language: str, fingerprint: str) -> frozenset[str]:
    if language in UNSEGMENTED:
        raise ConfigError(
            f"cleaning step stopwords:{language}: {language!r} is written without spaces, and its words cannot be found. Leave the step out."
        )
    lists = [words for words in (_nltk_list(language), _iso_list(language)) if words]
    if not lists:
        raise _no_list(language)
    for words in lists:
        if fingerprint in ("", _fingerprint(language, words)):
            return words
    raise DataError(
        f"the stop words stopwords:{language}:{fingerprint}, with which the training texts were cleaned, are not on this machine: "
        f"found {', '.join(_fingerprint(language, words) for words in lists)}. Install the versions of stopwordsiso, of NLTK's data "
        "and of jieba that were used then, or make the dataset again with `slm preprocess --overwrite` and train again."
    )


def _no_list(language: str) -> ConfigError | MissingPackageError:
    try:
        import stopwordsiso
    except ImportError:
        return MissingPackageError(
            f"cleaning step stopwords:{language} needs a list of stop words: NLTK's data has none for {language!r} here, "
            "and stopwordsiso is not installed. Run: pip install slmcli[cleaning]"
        )
    known = sorted(stopwordsiso.langs() - UNSEGMENTED)
    repair = " NLTK's data has them: python -m nltk.downloader stopwords." if language in NLTK_LISTS else hint(language, known)
    return ConfigError(f"cleaning step stopwords:{language}: no stop words for {language!r} here.{repair} Known: {', '.join(known)}.")


def _nltk_list(language: str) -> frozenset[str]:
    if language not in NLTK_LISTS:
        return frozenset()
    import nltk.data

    try:
        file = nltk.data.find(f"corpora/stopwords/{NLTK_LISTS[language]}")
    except LookupError:
        return frozenset()
    with file.open(encoding="utf-8") as stream:
        return frozenset(stream.read().split())


def _iso_list(language: str) -> frozenset[str]:
    try:
        import stopwordsiso
    except ImportError:
        return frozenset()
    return frozenset(stopwordsiso.stopwords(language)) if stopwordsiso.has_lang(language) else frozenset()


def _fingerprint(language: str, words: frozenset[str]) -> str:
    text = "\n".join(sorted(words))
    if language == "zh":
        chinese_segmenter()
        text += f"\njieba {sys.modules['jieba'].__version__}"
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]


@functools.lru_cache(maxsize=4)
def _stemmer(name: str) -> Callable[[str], str]:
    from nltk.stem.snowball import SnowballStemmer

    return functools.lru_cache(maxsize=_CACHED_STEMS)(functools.partial(_stem, new_stemmer=functools.partial(SnowballStemmer, name)))


def _stem(word: str, *, new_stemmer: Callable[[], Any]) -> str:
    """Return the stem by a stemmer of its own: the Arabic one keeps flags from word to word, and the order of texts must not matter."""
    return new_stemmer().stem(word) or word


@functools.lru_cache(maxsize=2)
def _converter(conversion: str) -> Callable[[str], str]:
    try:
        from opencc import OpenCC
    except ImportError as error:
        raise MissingPackageError(
            "the cleaning steps simplified and traditional need opencc, which is not installed. Run: pip install slmcli[cleaning]"
        ) from error
    return OpenCC(conversion).convert
