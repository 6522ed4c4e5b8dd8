"""Which evaluation protocols exist, and how each treats each data set."""

from collections.abc import Callable

import pyarrow as pa

from ilora.data import published

#: (Data set, protocol) -> a function from raw data to interactions and items.
PREPARATIONS: dict[tuple[str, str], Callable[..., tuple[pa.Table, pa.Table]]] = {
    ("movielens", "published"): published.prepare_movielens,
}

#: Protocol -> a function from interactions to sequences.
SEQUENCINGS: dict[str, Callable[..., pa.Table]] = {"published": published.make_sequences}


def preparation(dataset: str, protocol: str) -> Callable[..., tuple[pa.Table, pa.Table]]:
    """Return the function that prepares `dataset` by `protocol`.

    Raises:
        ValueError: there is none; the message names those that exist.
    """
    if (dataset, protocol) not in PREPARATIONS:
        known = ", ".join(f"{known_dataset} by {known_protocol}" for known_dataset, known_protocol in PREPARATIONS)
        raise ValueError(
            f"The data set '{dataset}' cannot be prepared by the protocol '{protocol}'. Possible: {known}."
        )
    return PREPARATIONS[dataset, protocol]


def sequencing(protocol: str) -> Callable[..., pa.Table]:
    """Return the function that makes the sequences of `protocol`.

    Raises:
        ValueError: there is none; the message names those that exist.
    """
    if protocol not in SEQUENCINGS:
        raise ValueError(f"There is no protocol '{protocol}'. Protocols that exist: {', '.join(SEQUENCINGS)}.")
    return SEQUENCINGS[protocol]
