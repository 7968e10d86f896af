"""A bag of n-grams: no order, no vectors of words, solved as a whole."""

from typing import ClassVar

from pydantic import Field

from slmcli.backbones.base import Branch

# our choice: far fewer than the vectors, 1,200, among which `slmcli.directions` seeks them
_MOST_DIRECTIONS = 500


class Bag(Branch):
    """Regressions and a support vector machine over n-grams of words and of characters inside words (`slmcli.linear`)."""

    reads: ClassVar[str] = "ngram_ids"

    bag_strength: float | None = Field(
        None,
        gt=0.0,
        description="bag: inverse of the ridge penalty on n-grams scaled by naive Bayes, less for noisy examples [two labels: 30 for long "
        "texts, 5 for short ones; 2 for more labels; 10 for others]",
    )
    bag_plain_strength: float | None = Field(
        None,
        gt=0.0,
        description="bag: the same for n-grams as they are, whose regression is mixed in as validation asks for [3 for several labels, 10]",
    )
    bag_margin_strength: float | None = Field(
        None,
        gt=0.0,
        description="bag: the same for a support vector machine on n-grams scaled by naive Bayes, mixed in as validation asks for where it has "
        "40 examples or more [two labels: 3; 0.3 for more labels; 1 for others]",
    )
    bag_directions: int | None = Field(
        None,
        ge=0,
        le=_MOST_DIRECTIONS,
        description="bag: directions in which texts differ most, found in texts without labels or in halves of the training texts, along which "
        "one more regression is solved, mixed in as validation asks for; 0: none [one for 15 examples, 20 to 250, beside texts without labels, "
        "where a teacher has labelled some, or for 5,000 long texts; else 0]",
    )
    bag_passes: int = Field(
        12, ge=1, le=10_000, description="bag: most passes over the training examples for each regression, twice as many for the machine"
    )
