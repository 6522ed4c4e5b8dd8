"""Names of the protocols of `ilora.data.protocols`, for modules that only need the names.

Two protocols have a setting, which is part of the name, also in paths: ``gap~5``, ``rolling~2of4``.
"""

import re

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

#: Regular expression for the names of the last two.
WITH_A_SETTING = rf"{GAP}~[1-9]\d*|{ROLLING}~[1-9]\d*of[1-9]\d*"


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
