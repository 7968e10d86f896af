"""One text made from another: translation, and the next turn of a dialogue."""

from collections.abc import Sequence

import numpy as np

from slmcli.config import EncodingSettings
from slmcli.fields import Field
from slmcli.reading import Example
from slmcli.tasks.answer_base import AnswerTask
from slmcli.tasks.base import integers
from slmcli.text_scores import TEXT_SCORES, count_texts, signatures, text_scores
from slmcli.tokenizers.base import BEGIN_ID, END_ID, SEPARATOR_ID

# <bos> and <eos> around a text that is to be generated
_MARKS = 2


def _target_ids(stream: np.ndarray, encoding: EncodingSettings) -> np.ndarray:
    """Put the marks of beginning and end around a text that is to be generated, cut to fit."""
    kept = stream[: max(0, encoding.max_length - _MARKS)]
    return np.concatenate([integers([BEGIN_ID]), kept, integers([END_ID])])


class WrittenTask(AnswerTask[str]):
    """A task whose answer is a text, which is held against one that a person wrote."""

    score_names = TEXT_SCORES
    is_right_or_wrong = False

    @property
    def _target(self) -> str:
        """Name of the field with the right answer."""
        return next(field.name for field in self.fields if field.is_target)

    def input_text(self, example: Example) -> str:
        """Return all texts but the right answer."""
        return "\n".join(self.texts(Example({**example.values, self._target: None}, example.source, example.row)))

    def right_answer(self, example: Example) -> str:
        """Return the right text."""
        return example.values[self._target]

    def show(self, answer: str, example: Example) -> str:
        """Return the text."""
        return answer

    def count(self, answers: Sequence[str], examples: Sequence[Example]) -> np.ndarray:
        """Return what BLEU, chrF and ROUGE are sums of."""
        return count_texts(answers, [self.right_answer(example) for example in examples])

    def score_sums(self, sums: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return BLEU, chrF and ROUGE."""
        return text_scores(sums), {}

    def are_right(self, counts: np.ndarray) -> np.ndarray:
        """Say which texts are the right ones, spaces aside."""
        return text_scores(counts)["chrf"] == 1.0

    def signatures(self, examples: Sequence[Example]) -> dict[str, str]:
        """Return how sacrebleu calls the settings of BLEU and chrF."""
        return signatures([self.right_answer(example) for example in examples])


class Translation(WrittenTask):
    """Say a text in another language."""

    name = "translation"
    description = "a text said in another language"
    fields = (
        Field("source", "text", ("source", "src", "en", "text")),
        Field("target", "text", ("target", "tgt", "translation", "de", "fr", "zh", "es"), is_target=True),
    )
    token_features = ("token_ids", "target_ids")
    tokenizers = ("bpe", "bpe")
    # what is generated shall read naturally: case and signs stay
    cleaning = ["nfc", "whitespace"]  # noqa: RUF012  (a class constant of the base's type)
    headline = ("bleu", "chrf")
    baselines = "translation"
    answer_names = ("prediction", "target", "translation", "text")

    def texts(self, example: Example) -> list[str]:
        """Return the source and, when there is one, the target; both share one vocabulary."""
        target = example.values.get("target")
        return [example.values.get("source") or "", *([] if target is None else [target])]

    def assemble(self, example: Example, streams: Sequence[np.ndarray], encoding: EncodingSettings) -> dict[str, np.ndarray]:
        """Return `token_ids` of the source, cut at its end, and `target_ids` between <bos> and <eos>."""
        features = {"token_ids": streams[0][: encoding.max_length]}
        return features if len(streams) == 1 else {**features, "target_ids": _target_ids(streams[1], encoding)}

    def cut_length(self, example: Example, lengths: Sequence[int]) -> int:
        """Return the tokens of the source, or of the target between its marks when that is longer."""
        return max([lengths[0], *(length + _MARKS for length in lengths[1:])])


class Dialogue(WrittenTask):
    """Answer the turns so far."""

    name = "dialogue"
    description = "the next turn of a dialogue"
    fields = (
        Field("context", "turns", ("context", "history", "question", "prompt", "instruction", "text")),
        Field("response", "text", ("response", "answer", "reply", "completion", "output"), is_target=True),
    )
    token_features = ("token_ids", "target_ids")
    tokenizers = ("bpe", "bpe")
    cleaning = ["nfc", "whitespace"]  # noqa: RUF012  (a class constant of the base's type)
    headline = ("rouge_l", "bleu")
    baselines = "dialogue"
    answer_names = ("prediction", "response", "target", "text")

    def texts(self, example: Example) -> list[str]:
        """Return every turn of the context and, when there is one, the response."""
        response = example.values.get("response")
        return [*(example.values.get("context") or ()), *([] if response is None else [response])]

    def assemble(self, example: Example, streams: Sequence[np.ndarray], encoding: EncodingSettings) -> dict[str, np.ndarray]:
        """Return `token_ids`: the turns with <sep> between them, the last ones when they are too many; and `target_ids`."""
        has_response = example.values.get("response") is not None
        turns = streams[:-1] if has_response else streams
        joined = np.concatenate([integers([]), *(part for turn in turns for part in (integers([SEPARATOR_ID]), turn))])[1:]
        features = {"token_ids": joined[max(0, len(joined) - encoding.max_length) :].astype(np.int32)}
        return {**features, "target_ids": _target_ids(streams[-1], encoding)} if has_response else features

    def cut_length(self, example: Example, lengths: Sequence[int]) -> int:
        """Return the tokens of all turns with what stands between them, or of the response between its marks when that is longer."""
        turns = list(lengths)
        responses = [] if example.values.get("response") is None else [turns.pop()]
        separators = max(0, len(turns) - 1)
        return max([sum(turns) + separators, *(length + _MARKS for length in responses)])
