"""Text that appears while its tokens come, and stops where it shall."""

from collections.abc import Sequence

from slmcli.tokenizers.base import Tokenizer


class StopWatch:
    """Text in pieces, up to the first of some texts, which is left out; how the text is divided into pieces changes nothing.

    What may be the beginning of a stop waits. Of several stops, the one that is complete first counts, and of those that are complete
    at the same place the longest.

    Attributes:
        has_stopped: A stop has come; nothing is returned any more.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.has_stopped = False
        self._stops = tuple(filter(None, stops))
        self._held = ""

    def add(self, text: str) -> str:
        """Return the text that is certain with one more piece, and was not before."""
        if self.has_stopped:
            return ""
        text, self._held = self._held + text, ""
        found = [(start + len(stop), start) for stop in self._stops if (start := text.find(stop)) >= 0]
        if found:
            self.has_stopped = True
            return text[: min(found)[1]]
        certain = len(text) - self._open_characters(text)
        self._held = text[certain:]
        return text[:certain]

    def _open_characters(self, text: str) -> int:
        """Return how many characters at the end may be the beginning of a stop."""
        longest = max(map(len, self._stops), default=1) - 1
        sizes = range(min(longest, len(text)), 0, -1)
        return next((size for size in sizes if any(stop.startswith(text[-size:]) for stop in self._stops)), 0)

    def finish(self) -> str:
        """Return what waited for a stop that did not come."""
        held, self._held = self._held, ""
        return held


class TextStream:
    """The text of the tokens that come, without that of the prompt, up to the first stop.

    All that `add` and at last `finish` return is `tokenizer.decode` of prompt and tokens, behind the text of the prompt; so spaces and
    quotation marks go on where the prompt ends. A token costs the same, however long the text is.
    """

    def __init__(self, tokenizer: Tokenizer, *, prompt_ids: Sequence[int] = (), stops: Sequence[str] = ()) -> None:
        self._detokenizer = tokenizer.detokenizer()
        self._watch = StopWatch(stops)
        shown = sum(len(self._detokenizer.add(token_id)) for token_id in prompt_ids)
        # what of the prompt's text has not come out yet
        self._left_of_prompt = len(tokenizer.decode(prompt_ids)) - shown if prompt_ids else 0

    @property
    def has_stopped(self) -> bool:
        """Whether a stop has come."""
        return self._watch.has_stopped

    def add(self, token_id: int) -> str:
        """Return the text that is certain with one more token, and was not before."""
        return self._watch.add(self._behind_the_prompt(self._detokenizer.add(token_id)))

    def finish(self) -> str:
        """Return the text that waited for more tokens."""
        text = self._watch.add(self._behind_the_prompt(self._detokenizer.finish()))
        return text + self._watch.finish()

    def _behind_the_prompt(self, text: str) -> str:
        hidden = min(self._left_of_prompt, len(text))
        self._left_of_prompt -= hidden
        return text[hidden:]
