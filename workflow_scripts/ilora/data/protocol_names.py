"""Names of the protocols of `ilora.data.protocols`, for modules that only need the names.

Some protocols have a setting, which is part of the name, also in paths: ``gap~5``, ``rolling~2of4``. Others have
variants with less to learn from or to answer from: ``random_users~share10draw1``, ``random_users~last3``.
"""

import re
from dataclasses import dataclass

#: Users split at random, 8:1:1.
RANDOM_USERS = "random_users"
#: Users split as in the released files.
RELEASED = "released"
#: Each user's last items are held out, in time order.
CHRONOLOGICAL = "chronological"
#: The same, with some items before the last one withheld from training.
GAP = "gap"
#: Training before a moment that is the same for all users, tests after it.
ROLLING = "rolling"

#: The names of a protocol with a share of the training users, and of one with short held-out histories.
_WITH_A_SHARE = rf"(?:{RANDOM_USERS}|{RELEASED})~share[1-9]\d?draw\d+"
WITH_SHORT_HISTORIES = rf"(?:{RANDOM_USERS}|{RELEASED}|{CHRONOLOGICAL})~last[1-9]\d*"

#: The names of protocols with a setting that differ in what is trained on: a regular expression.
TRAINED_WITH_A_SETTING = rf"{GAP}~[1-9]\d*|{ROLLING}~[1-9]\d*of[1-9]\d*|{_WITH_A_SHARE}"

#: The names of all protocols with a setting.
WITH_A_SETTING = f"{TRAINED_WITH_A_SETTING}|{WITH_SHORT_HISTORIES}"


def kind_of(protocol: str) -> str:
    """Return the name without its setting: "gap" for "gap~5"."""
    return protocol.partition("~")[0]


def gap_protocol(gap: int) -> str:
    """Return the protocol that withholds `gap` items of each user; for 0 that is `chronological`."""
    return f"{GAP}~{gap}" if gap else CHRONOLOGICAL


def gap_of(protocol: str) -> int:
    """Return how many items a protocol of `gap_protocol` withholds."""
    return int(protocol.partition("~")[2]) if protocol != CHRONOLOGICAL else 0


def rolling_protocol(period: int, periods: int) -> str:
    """Return the protocol that trains before a period, counted from 1, and tests in it and all later ones."""
    return f"{ROLLING}~{period}of{periods}"


def period_of(protocol: str) -> tuple[int, int]:
    """Return the period and the number of periods of a protocol of `rolling_protocol`.

    Raises:
        ValueError: it is not such a protocol, or the period is out of range.
    """
    match = re.fullmatch(rf"{ROLLING}~([1-9]\d*)of([1-9]\d*)", protocol)
    if match is None or int(match[1]) > int(match[2]):
        raise ValueError(
            f"Found the protocol '{protocol}', expected {ROLLING}~KofN, with a period K from 1 to their number N."
        )
    return int(match[1]), int(match[2])


@dataclass(frozen=True)
class TrainingShare:
    """A share of the training users.

    Attributes:
        percent: share of the training users, below 100.
        draw: seed of the order in which training users are taken.
    """

    percent: int
    draw: int


def share_protocol(protocol: str, percent: int, draw: int) -> str:
    """Return the protocol that trains on a share of the training users; all of them are the protocol itself.

    Args:
        protocol: `RANDOM_USERS` or `RELEASED`.
        percent: share of the training users, 1 to 100.
        draw: seed of the order in which training users are taken.
    """
    return protocol if percent == 100 else f"{protocol}~share{percent}draw{draw}"


def share_of(protocol: str) -> TrainingShare | None:
    """Return the share of the training users that a protocol trains on; None for all of them."""
    match = re.fullmatch(r"\w+~share(\d+)draw(\d+)", protocol)
    return None if match is None else TrainingShare(int(match[1]), int(match[2]))


def short_protocol(protocol: str, length: int, maximum_history: int) -> str:
    """Return the protocol whose held-out histories are cut to their last items; uncut, the protocol itself.

    Args:
        protocol: `RANDOM_USERS`, `RELEASED` or `CHRONOLOGICAL`.
        length: items that a held-out history keeps.
        maximum_history: longest history of the protocol itself.
    """
    return protocol if length >= maximum_history else f"{protocol}~last{length}"


def length_of(protocol: str) -> int | None:
    """Return the items that a protocol's held-out histories are cut to; None where they are not cut."""
    match = re.fullmatch(r"\w+~last(\d+)", protocol)
    return None if match is None else int(match[1])


def trained_protocol(protocol: str) -> str:
    """Return the protocol by which methods are trained: cut histories are answered by what was trained without."""
    return protocol if length_of(protocol) is None else kind_of(protocol)
