"""How much each member of a model counts: shares that make its validation outputs most probable."""

from typing import Literal

import numpy as np

# our choice: fewer examples say less about shares than equal ones do
LEAST_EXAMPLES = 40
_MOST_SHARE = 10.0


def choose_shares(outputs: np.ndarray, targets: np.ndarray, *, loss: Literal["softmax", "sigmoid", "square"]) -> np.ndarray:
    """Return the shares that minimise the loss of the summed outputs on validation examples.

    With one member this is temperature scaling (Guo et al. 2017, section 4.2), the share being the inverse of the temperature; with
    several it is a logarithmic opinion pool whose weights need not add up to one (Heskes 1998, section 2).

    Args:
        outputs: (examples, members, width) float32.
        targets: (examples, width) float32.
        loss: What the outputs are: logits of labels of which one is right, of labels each by itself, or numbers.

    Returns:
        (members,) float32, none below 0; 1 over their number each when there are too few examples.
    """
    from scipy.optimize import minimize

    members = outputs.shape[1]
    equal = np.full(members, 1.0 / members)
    if len(outputs) < LEAST_EXAMPLES or (members == 1 and loss == "square"):
        return equal.astype(np.float32)
    found = minimize(_mean_loss, equal, args=(outputs.astype(np.float64), targets, loss), method="L-BFGS-B", bounds=[(0.0, _MOST_SHARE)] * members)
    shares = found.x if np.isfinite(found.x).all() and found.x.sum() > 0.0 else equal
    return shares.astype(np.float32)


def _mean_loss(shares: np.ndarray, outputs: np.ndarray, targets: np.ndarray, loss: str) -> float:
    """Return the mean loss of the examples."""
    total = np.einsum("nmw,m->nw", outputs, shares)
    if loss == "square":
        return float(np.square(total - targets).mean())
    if loss == "softmax":
        shifted = total - total.max(axis=1, keepdims=True)
        log_probabilities = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return float(-(targets * log_probabilities).sum(axis=1).mean())
    return float((np.logaddexp(0.0, total) - targets * total).mean())
