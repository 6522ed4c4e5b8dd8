"""How fast GPUs compute, for plans."""

#: Peak rates of dense products in bfloat16, in operations per second, by their makers' data sheets.
PEAK_RATES = {"A100": 312e12, "H100": 989e12}

#: Share of the peak that a language model is assumed to reach.
UTILISATION = 0.4


def hours_of(operations: float, gpu: str) -> float:
    """Give the hours that operations take on a GPU of a kind of `PEAK_RATES`, if it reaches `UTILISATION`."""
    return operations / (PEAK_RATES[gpu] * UTILISATION) / 3600
