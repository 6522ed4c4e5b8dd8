"""Compute rates of GPUs, for planning."""

#: Peak rates of dense matrix products in bfloat16, in operations per second, from the manufacturers' data sheets.
PEAK_RATES = {"A100": 312e12, "H100": 989e12}

#: Fraction of the peak that a language model is assumed to reach.
UTILISATION = 0.4


def hours_of(operations: float, gpu: str) -> float:
    """Return the hours that operations take on a GPU of `PEAK_RATES` at `UTILISATION`."""
    return operations / (PEAK_RATES[gpu] * UTILISATION) / 3600
