"""Praise denied, or blame: "is good" becomes "is not good", "not good" becomes "good"; 很好 becomes 不好."""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slmcli.perturbations.base import WITH_WORDS, Perturbation, edit, match_case
from slmcli.word_cleaning import HAN

TABLE = Path(__file__).parent / "opinions.yaml"
_BETWEEN = (
    "a|an|the|such|so|very|really|truly|just|quite|absolutely|pretty|extremely|all|always|too|totally|simply|incredibly|rather|most|more|also|still|"
    "particularly|especially|highly|definitely|strongly|completely|thoroughly|that"
)
# before a past form these make it a participle, which "did not" does not deny
_BEFORE_PARTICIPLE = frozenset(
    (
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "being",
        "have",
        "has",
        "had",
        "much",
        "well",
        "most",
        "highly",
        "also",
        "'ve",
        "'s",
        "'re",
        "’ve",
        "’s",
        "’re",
    )
)
_SUBJECTS = frozenset(("i", "we", "you", "they", "and", "but", "people", "kids"))
# a clause with one of these is denied already: nothing was good
_DENYING = re.compile(r"\b(?:nothing|nobody|none|neither|never|nor|no)\b[^.!?;,]*$", re.IGNORECASE)
_CLAUSE = 80  # our choice: characters before a phrase in which its clause is looked for
_MODALS = {"would": "would", "will": "will", "could": "could", "should": "should", "can": "can", "ca": "can", "wo": "will"}
# characters beside a single one that make it a part of another word: 爱好, 出差
_BEFORE_SINGLE = "爱你您正刚只友美最讨出时误偏反温逆问恰也就"
# what denies already, and verbs of which 不好 says that they fail: 做不好
_BEFORE_OPINION = "不没有非无未做写弄修办搞管"
_DEGREES = "很|非常|太|特别|真的|真|十分|挺|超级|超|比较|相当|实在|最|更|极其|极|蛮|好"


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A phrase that can be denied: whether it praises (1) or blames (-1), and what takes its place, [start, end) in characters."""

    side: int
    start: int
    end: int
    replacement: str


@functools.lru_cache(maxsize=1)
def _table() -> Mapping[str, Mapping[str, str | list[str]]]:
    import yaml

    return yaml.safe_load(TABLE.read_text(encoding="utf-8"))


@functools.lru_cache(maxsize=2)
def _sides(language: str) -> dict[str, int]:
    """Return the words of a language, longest first, with the side of each."""
    table = _table()[language]
    sides = {word: side for name, side in (("praise", 1), ("blame", -1)) for word in str(table[name]).split()}
    return dict(sorted(sides.items(), key=lambda item: -len(item[0])))


@functools.lru_cache(maxsize=1)
def _verbs() -> dict[str, tuple[int, list[str]]]:
    """Return every form of an English verb with its side and all forms: base, third person, past."""
    table = _table()["en"]
    verbs = [(side, str(line).split()) for name, side in (("praise_verbs", 1), ("blame_verbs", -1)) for line in table[name]]
    return {form: (side, forms) for side, forms in verbs for form in forms}


@functools.lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """Return the patterns of English predicates, of English verbs, of all English opinions, and of Chinese ones."""
    words, verbs, between = "|".join(_sides("en")), "|".join(_verbs()), rf"(?:(?:{_BETWEEN})\s)*"
    several = "|".join(word for word in _sides("zh") if len(word) > 1)
    single = "".join(word for word in _sides("zh") if len(word) == 1)
    return (
        re.compile(rf"(?P<copula>\b(?:is|are|was|were|am)|['’](?:s|re|m))(?P<not>n['’]t|\snot)?\s{between}(?P<word>{words})\b", re.IGNORECASE),
        re.compile(
            rf"\b(?:(?P<aux>do|does|did|{'|'.join(_MODALS)})(?P<not>n['’]t|\s?not)?\s)?(?P<between>{between})(?P<verb>{verbs})\b", re.IGNORECASE
        ),
        re.compile(rf"(?P<not>\b(?:not|never|no|cannot|hardly)\s|n['’]t\s)?{between}\b(?P<word>{words}|{verbs})\b", re.IGNORECASE),
        re.compile(
            rf"(?<![{_BEFORE_OPINION}])(?<!值得)(?P<not>并不是|不是|并不|不太|不怎么|不够|没有|没|不)?(?P<degree>(?:{_DEGREES})*)"
            rf"(?:(?P<several>不错|{several})|(?P<single>(?<![{_BEFORE_SINGLE}])[{single}](?=[啊呢吧呀啦哦]|[^{HAN}]|$|(?<=[不很太真挺超最更好].)[了的极])))(?P<ending>了?)"
        ),
    )


def _change(text: str, generator: np.random.Generator, share: float) -> str | None:
    """Return a text in which every phrase of praise is denied, or every phrase of blame where there are more of these."""
    phrases = _phrases(text)
    if not phrases:
        return None
    side = 1 if sum(phrase.side for phrase in phrases) >= 0 else -1
    edits: list[tuple[int, int, str]] = []
    for phrase in phrases:
        if phrase.side == side and (not edits or edits[-1][1] <= phrase.start):
            edits.append((phrase.start, phrase.end, phrase.replacement))
    return edit(text, edits)


def denials(text: str) -> list[tuple[int, int, str]]:
    """Return every phrase of praise or blame by itself, denied, or no longer denied: [start, end) in characters, and what takes its place."""
    return [(phrase.start, phrase.end, phrase.replacement) for phrase in _phrases(text)]


def _phrases(text: str) -> list[_Phrase]:
    english = [
        phrase for phrase in (*_predicates(text), *_denied_verbs(text)) if not _DENYING.search(text[max(0, phrase.start - _CLAUSE) : phrase.start])
    ]
    return sorted([*english, *_chinese(text)], key=lambda phrase: phrase.start)


def _predicates(text: str) -> Iterator[_Phrase]:
    for match in _patterns()[0].finditer(text):
        side, end = _sides("en").get(match["word"].lower()), match.end("copula")
        if side is None:  # a letter that is only equal to one of ours when case is ignored, as in "borıng"
            continue
        yield _Phrase(-side, end, match.end("not"), "") if match["not"] else _Phrase(side, end, end, " not")


def _denied_verbs(text: str) -> Iterator[_Phrase]:
    for match in _patterns()[1].finditer(text):
        verb = match["verb"]
        if verb.lower() not in _verbs():
            continue
        side, forms = _verbs()[verb.lower()]
        if match["aux"]:
            yield _with_auxiliary(match, side, forms)
        elif _is_finite(text, match, forms):
            auxiliary = match_case(f"{('do', 'does', 'did')[forms.index(verb.lower())]} not", match.group())
            base = forms[0].upper() if verb.isupper() else forms[0]
            yield _Phrase(side, match.start(), match.end(), f"{auxiliary} {match['between'].lower()}{base}")


def _with_auxiliary(match: re.Match[str], side: int, forms: list[str]) -> _Phrase:
    """Return "would not recommend" for "would recommend", "loved" for "did not love"."""
    auxiliary = match["aux"].lower()
    if not match["not"]:
        return _Phrase(side, match.end("aux"), match.end("aux"), " not")
    if auxiliary in _MODALS:
        return _Phrase(-side, match.start("aux"), match.end("not"), match_case(_MODALS[auxiliary], match["aux"]))
    form = forms[("do", "does", "did").index(auxiliary)]
    return _Phrase(-side, match.start(), match.end(), match_case(match["between"] + form, match["aux"][:1]))


def _is_finite(text: str, match: re.Match[str], forms: list[str]) -> bool:
    """Say whether a verb is one of a sentence: no infinitive, no noun, no participle."""
    before = re.search(r"(\w+|['’]\w+)\s+$", text[max(0, match.start() - 40) : match.start()])
    previous = before[1].lower() if before else ""
    if match["verb"].lower() == forms[0]:
        return previous in _SUBJECTS or not text[: match.start()].strip() or text[: match.start()].rstrip()[-1] in ".!?"
    return bool(previous) and previous not in _BEFORE_PARTICIPLE


def _chinese(text: str) -> Iterator[_Phrase]:
    verbs = _table()["zh"]["verbs"]
    for match in _chinese_opinions(text):
        word = match["several"] or match["single"]
        side, end = _chinese_side(match), match.end()
        if word == "不错":
            yield _Phrase(side, match.start(), end, "不怎么样" + match["ending"])
        elif match["not"]:
            yield _Phrase(side, match.start(), end, ("" if word in verbs else "很") + word + match["ending"])
        else:
            yield _Phrase(side, match.start(), end, "不" + word + ("" if match["degree"] else match["ending"]))


def _chinese_opinions(text: str) -> Iterator[re.Match[str]]:
    """Yield Chinese opinions but for words that are doubled character by character, such as 干干净净."""
    for match in _patterns()[3].finditer(text):
        word = match["several"] or match["single"]
        start, end = match.span("several") if match["several"] else match.span("single")
        if text[max(0, start - 1) : start] != word[0] and text[end : end + 1] != word[-1]:
            yield match


def _chinese_side(match: re.Match[str]) -> int:
    side = _sides("zh").get(match["several"] or match["single"], 1)  # 不错 is praise
    return -side if match["not"] else side


def lean(text: str) -> int:
    """Return the phrases of praise in a text less those of blame; a denied one counts for the other side."""
    sides = {**_sides("en"), **{form: side for form, (side, _) in _verbs().items()}}
    found = ((sides.get(match["word"].lower(), 0), match["not"]) for match in _patterns()[2].finditer(text))
    english = sum(-side if denied else side for side, denied in found)
    blame = text.count("不怎么样")
    return english - blame + sum(map(_chinese_side, _chinese_opinions(text)))


NEGATION = Perturbation(
    "negation", "negation", "what is praised is denied, or what is blamed; what was denied no longer is", _change, WITH_WORDS,
    kind="direction", lean=lean, tasks=("sentiment",),
)  # fmt: skip
