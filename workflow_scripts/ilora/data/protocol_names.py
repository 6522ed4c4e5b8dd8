"""What the protocols of `ilora.data.protocols` are called, for those who only name one.

Two of them exist in many forms, of which the name says which one, as in paths: ``gap~5``, ``rolling~2of4``.
"""

import re

#: Users split at random, 8:1:1.
RANDOM_USERS = "random_users"
#: The users of each split are those of the released files.
RELEASED = "released"
#: The last items of every user, in time order.
CHRONOLOGICAL = "chronological"
#: The same with some items before the last one withheld from training.
GAP = "gap"
#: Training before a moment that is the same for all users, tests after it.
ROLLING = "rolling"

#: The names of the last two, a regular expression.
WITH_A_SETTING = rf"{GAP}~[1-9]\d*|{ROLLING}~[1-9]\d*of[1-9]\d*"


def kind_of(protocol: str) -> str:
    """Return the name without its setting: "gap" for "gap~5"."""
    return protocol.partition("~")[0]


def gap_protocol(gap: int) -> str:
    """Return the protocol that withholds `gap` items of each user; nothing withheld is the protocol `chronological`."""
    return f"{GAP}~{gap}" if gap else CHRONOLOGICAL


def gap_of(protocol: str) -> int:
    """Return how many items a protocol that `gap_protocol` gives withholds."""
    return int(protocol.partition("~")[2]) if protocol != CHRONOLOGICAL else 0


def rolling_protocol(period: int, periods: int) -> str:
    """Return the protocol that trains before one of the periods, counted from 1, and tests in it and all later ones."""
    return f"{ROLLING}~{period}of{periods}"


def period_of(protocol: str) -> tuple[int, int]:
    """Return period and number of periods of a protocol that `rolling_protocol` gives.

    Raises:
        ValueError: it is no such protocol, or the period is not among the periods.
    """
    match = re.fullmatch(rf"{ROLLING}~([1-9]\d*)of([1-9]\d*)", protocol)
    if match is None or int(match[1]) > int(match[2]):
        raise ValueError(
            f"Found the protocol '{protocol}', expected {ROLLING}~KofN, with a period K from 1 to their number N."
        )
    return int(match[1]), int(match[2])
