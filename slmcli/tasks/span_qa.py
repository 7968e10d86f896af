"""An answer found in a text: extractive question answering."""

from collections.abc import Sequence

import numpy as np

from slmcli.config import EncodingSettings
from slmcli.fields import Field
from slmcli.reading import Example
from slmcli.span_scores import SPAN_SCORES, count_spans, span_scores
from slmcli.tasks.answer_base import AnswerTask
from slmcli.tasks.base import integers
from slmcli.tokenizers.base import Tokenizer

_NO_ANSWER = "no answer"


class QuestionAnswering(AnswerTask[str]):
    """Find the words of a context that answer a question.

    Source: Rajpurkar et al. 2016 (SQuAD), section 3; a question without an answer has none (Rajpurkar et al. 2018).
    """

    name = "qa"
    description = "the words of a text that answer a question"
    fields = (
        Field("context", "text", ("context", "passage", "paragraph", "document", "text")),
        Field("question", "text", ("question", "query")),
        Field("answers", "answers", ("answers", "answer"), is_target=True),
    )
    token_features = ("context_ids", "question_ids")
    needs_offsets = True
    cleaning = ["nfc"]  # noqa: RUF012  (a class constant of the base's type)
    score_names = SPAN_SCORES
    headline = ("f1", "exact_match")
    baselines = "span"
    answer_names = ("prediction", "answer")

    def texts(self, example: Example) -> list[str]:
        """Return context and question."""
        return [example.values.get("context") or "", example.values.get("question") or ""]

    def assemble(self, example: Example, streams: Sequence[np.ndarray], encoding: EncodingSettings) -> dict[str, np.ndarray]:
        """Return `context_ids` and `question_ids`, each cut at its end."""
        return {"context_ids": streams[0][: encoding.max_length], "question_ids": streams[1][: encoding.max_length]}

    def encode(self, example: Example, tokenizer: Tokenizer, encoding: EncodingSettings) -> dict[str, np.ndarray]:
        """Return `context_ids`, `question_ids` and, with answers, `answer_span`: [start, end) in tokens of the first answer.

        A question without an answer, or whose answer was cut off or stands elsewhere, has the span [0, 0).
        """
        context, question = self.texts(example)
        token_ids, offsets = tokenizer.encode_with_offsets(context)
        streams = [np.asarray(token_ids, np.int32), np.asarray(tokenizer.encode(question), np.int32)]
        features = self.assemble(example, streams, encoding)
        answers = example.values.get("answers")
        if answers is None:
            return features
        return {**features, "answer_span": integers(_first_span(context, answers, offsets[: encoding.max_length]))}

    def identity(self, example: Example) -> str:
        """Return context and question, and the answers: one question may stand twice with other answers."""
        return "\n".join(self.texts(example))

    def input_text(self, example: Example) -> str:
        """Return the question, and the context below it."""
        return "\n".join(reversed(self.texts(example)))

    def parts(self, example: Example) -> dict[str, str]:
        """Return whether the question has an answer."""
        return {"answer": "in the text" if any(example.values["answers"]["text"]) else "none"}

    def count(self, answers: Sequence[str], examples: Sequence[Example]) -> np.ndarray:
        """Return the F1 of the words and whether the answer is right, of the best of several right answers."""
        right = [example.values["answers"]["text"] for example in examples]
        return count_spans(answers, right, [example.values.get("question") or "" for example in examples])

    def score_sums(self, sums: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the means of both."""
        return span_scores(sums), {}

    def are_right(self, counts: np.ndarray) -> np.ndarray:
        """Say which answers are right word for word."""
        return span_scores(counts)["exact_match"] == 1.0

    def right_answer(self, example: Example) -> list[str]:
        """Return each different right answer."""
        return [text for text in dict.fromkeys(example.values["answers"]["text"]) if text] or [_NO_ANSWER]

    def show(self, answer: str, example: Example) -> list[str]:
        """Return the answer, or that there is none."""
        return [answer.strip() or _NO_ANSWER]


def _first_span(context: str, answers: dict[str, list], offsets: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return [start, end) in tokens of the first answer that stands where it says."""
    for text, start in zip(answers["text"], answers["answer_start"], strict=True):
        if not text or start < 0 or context[start : start + len(text)] != text:
            continue
        inside = [token for token, (first, last) in enumerate(offsets) if first < start + len(text) and last > start and first < last]
        is_whole = bool(inside) and offsets[inside[-1]][1] >= len(text.rstrip()) + start
        if is_whole:
            return inside[0], inside[-1] + 1
    return 0, 0
