"""A bag of n-grams: no order, no vectors of words, solved in seconds."""

from typing import ClassVar

from pydantic import Field

from slmcli.backbones.base import Branch


class Bag(Branch):
    """Logistic regression over n-grams of words and of characters inside words, scaled by naive Bayes (`slmcli.linear`)."""

    reads: ClassVar[str] = "ngram_ids"

    bag_strength: float = Field(10.0, gt=0.0, description="bag: inverse of the ridge penalty; less for few or noisy examples")
    bag_passes: int = Field(30, ge=1, le=10_000, description="bag: most passes over the training examples")
