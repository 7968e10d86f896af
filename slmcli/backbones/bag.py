"""A bag of n-grams: no order, no vectors of words, solved in seconds."""

from typing import ClassVar

from pydantic import Field

from slmcli.backbones.base import Branch


class Bag(Branch):
    """Logistic regression over n-grams of words and of characters inside words, scaled by naive Bayes (`slmcli.linear`)."""

    reads: ClassVar[str] = "ngram_ids"

    bag_strength: float | None = Field(
        None, gt=0.0, description="bag: inverse of the ridge penalty, less for noisy examples [30 for two labels, 3 for more, 10 for others]"
    )
    bag_passes: int = Field(30, ge=1, le=10_000, description="bag: most passes over the training examples")
