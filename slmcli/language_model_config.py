"""Settings of language models: how they are pretrained, and how they write."""

from typing import Literal

import pydantic
from pydantic import Field

from slmcli.config import Settings
from slmcli.training_config import RunSettings


class PretrainSettings(RunSettings):
    """`slm pretrain`: from texts to a model that knows a language. Backbone settings stand beside these, at the same level."""

    objective: str = Field("causal-lm", description="what is learned from texts that nobody has labelled")
    backbone: str = Field("auto", description="architecture; auto: lstm")
    context: int = Field(64, ge=16, multiple_of=16, description="tokens of a window: how far errors are followed back")
    batch_size: int | None = Field(
        None, ge=1, description="windows a step [64; 16 for fewer than 200,000 tokens]; fastsent: pairs of passages [up to 128]"
    )
    epochs: int | None = Field(
        None, ge=1, le=100_000, description="passes over the texts [for about 6 million tokens, 3 to 40; 5 for words; 8 to 20 for fastsent]"
    )
    max_minutes: float | None = Field(None, gt=0.0, description="minutes of training; the learning rate falls so as to be lowest at their end")
    patience: int = Field(4, ge=1, description="validations without a better loss before training stops")
    validations: int = Field(10, ge=1, le=1000, description="how often, at equal distances, the model is judged and the best one kept")
    learning_rate: float | None = Field(
        None, gt=0.0, description="highest learning rate [0.004; 0.05 for skip-gram, 0.2 for cbow, 0.002 for fastsent]"
    )
    warmup: float = Field(0.05, ge=0.0, lt=1.0, description="share of the training in which the learning rate rises; then it falls as a cosine")
    weight_decay: float = Field(0.0, ge=0.0, lt=1.0, description="share of a weight matrix, times the learning rate, that a step takes away (AdamW)")
    beta_2: float = Field(0.99, gt=0.0, lt=1.0, description="how slowly Adam forgets how large gradients were")
    clip_norm: float = Field(1.0, ge=0.0, description="largest norm of all gradients together; 0: no clipping")
    dropout: float = Field(0.3, ge=0.0, lt=1.0, description="share of the values before the prediction dropped in training")
    tie_embedding: bool | None = Field(
        None, description="predict a token by its own token vector, so that the model is smaller [for 2,000 different tokens or more]"
    )
    sampled: int | None = Field(
        None,
        ge=0,
        description="tokens drawn to compare the right one with in training; 0: all are compared [1,024 for 16,000 tokens or more, else 0]",
    )
    mask_share: float = Field(0.15, gt=0.0, lt=1.0, description="masked-lm: share of the tokens that are to be predicted")
    mask_unit: Literal["token", "word", "span"] = Field("word", description="masked-lm: what is hidden as a whole; span: some words in a row")
    word_window: int = Field(5, ge=1, le=64, description="skip-gram, cbow: most words on each side; how many is drawn for each word")
    negative: int = Field(5, ge=1, le=100, description="skip-gram, cbow: drawn words that each prediction is compared with")
    passage: int = Field(256, ge=2, description="fastsent: most tokens, on average, of a passage that predicts its neighbour")
    subsample: float = Field(
        1e-3, ge=0.0, lt=1.0, description="vectors of words: share of the text above which a word is left out at times; 0: never"
    )
    prompt: list[str] = Field([], description="text that the model continues at each validation, for the log; may be given more than once")
    init_from: str | None = Field(None, description="run or bundle whose weights to begin with, made with the same tokenizer")

    @property
    def monitor(self) -> str:
        """What decides which validation is the best."""
        return "loss"


class SamplingSettings(Settings):
    """How a text is continued."""

    temperature: float = Field(
        0.8, ge=0.0, le=100.0, description="below 1: likely tokens more often than the model says, above 1: less; 0: always the likeliest"
    )
    top_k: int = Field(0, ge=0, description="draw from so many likeliest tokens; 0: from all")
    top_p: float = Field(0.95, gt=0.0, le=1.0, description="draw from the fewest likeliest tokens that have this probability together")
    min_p: float = Field(0.0, ge=0.0, lt=1.0, description="draw from tokens at least so many times as probable as the likeliest")
    repetition_penalty: float = Field(1.0, ge=1.0, description="what the scores of tokens that occurred before are divided by; 1: no penalty")
    beams: int = Field(1, ge=1, le=1000, description="continuations that are followed side by side for the most probable one, in place of drawing")
    length_penalty: float = Field(
        0.6, ge=0.0, le=10.0, description="how much length excuses a low probability when beams are compared; 0: not at all"
    )
    max_tokens: int = Field(200, ge=1, description="most tokens that are written")
    min_tokens: int = Field(0, ge=0, description="tokens that are written before the text may end")
    stop: list[str] = Field([], description="text before which to stop; may be given more than once")
    samples: int = Field(1, ge=1, le=1000, description="different continuations of the same prompt")
    seed: int = Field(0, ge=0, le=2**32 - 1, description="seed of what is drawn")

    @pydantic.model_validator(mode="after")
    def _beams_draw_nothing(self) -> "SamplingSettings":
        neutral = {"temperature": (0.0, 1.0), "top_k": (0,), "top_p": (1.0,), "min_p": (0.0,)}
        given = {name: getattr(self, name) for name in neutral}
        drawing = {name: value for name, value in given.items() if value not in neutral[name] and value != type(self).model_fields[name].default}
        if self.beams > 1 and drawing:
            said = ", ".join(f"{name} ({value})" for name, value in drawing.items())
            raise ValueError(f"{said} draw tokens, and beams ({self.beams}) follow the most probable ones. Leave out one or the other")
        return self

    @pydantic.model_validator(mode="after")
    def _numbers_go_together(self) -> "SamplingSettings":
        if self.min_tokens > self.max_tokens:
            raise ValueError(f"min_tokens ({self.min_tokens}) must be at most max_tokens ({self.max_tokens})")
        if 1 < self.beams < self.samples:
            raise ValueError(f"samples ({self.samples}) must be at most beams ({self.beams}): each is one of them")
        if self.samples > 1 and self.beams == 1 and self.temperature == 0.0:
            raise ValueError(f"samples ({self.samples}) would all be the same with temperature 0. Pass a higher temperature, or beams")
        return self

    @pydantic.field_validator("stop", mode="after")
    @classmethod
    def _stops_are_texts(cls, stop: list[str]) -> list[str]:
        if "" in stop:
            raise ValueError("an empty text stands everywhere. Leave it out")
        return stop


class GenerateSettings(SamplingSettings):
    """`slm generate`: texts from a language model."""

    prompt: list[str] = Field([], description="how a text begins; may be given more than once [an empty one]")
    prompts: str | None = Field(None, description="file with a prompt a line; - reads standard input")
    threads: int = Field(0, ge=0, le=4096, description="processor threads; 0: all")
