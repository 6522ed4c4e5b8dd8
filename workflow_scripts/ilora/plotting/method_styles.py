"""The colour and marker of each method, the same in every figure that tells methods apart by them."""

from collections.abc import Iterable
from typing import Any

from ilora.plotting.style import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, SKY_BLUE, VERMILION

#: Methods that figures often show together differ in colour; methods of one colour differ in their markers.
_STYLES = {
    "ilora": (VERMILION, "o"),
    "llara": (BLUE, "s"),
    "tallrec": (ORANGE, "D"),
    "zero_shot": (GREY, "v"),
    "sasrec": (GREEN, "^"),
    "gru4rec": (SKY_BLUE, "<"),
    "caser": (PURPLE, ">"),
    "popularity": (BLACK, "P"),
    "markov": (GREY, "X"),
    "morec": (ORANGE, "h"),
    "caseq": (BLUE, "p"),
    "caseq_without_kl": (SKY_BLUE, "p"),
    "tiger": (PURPLE, "d"),
    "cofirec": (VERMILION, "d"),
    "gpt4": (BLACK, "*"),
    "chatrec": (GREEN, "*"),
}
_OTHER = (BLACK, ".")


def method_colour(method: str) -> str:
    """Return the colour of a method; black for a method that is not listed here."""
    return _STYLES.get(method, _OTHER)[0]


def method_style(method: str) -> dict[str, Any]:
    """Return the colour and marker of a method, as matplotlib takes them."""
    colour, marker = _STYLES.get(method, _OTHER)
    return {"color": colour, "marker": marker}


def method_colours(methods: Iterable[str]) -> dict[str, str]:
    """Return the colour of each method."""
    return {method: method_colour(method) for method in methods}
