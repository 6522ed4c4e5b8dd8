"""Labels of data sets, methods and backbones in tables and figures."""

from collections.abc import Sequence

from ilora.datasets.register import DATASETS
from ilora.methods.register import LABELS

#: Formats of the values of swept settings; others are written unchanged.
_SWEPT = {"experts": "K = {}", "r": "r = {}", "scale": "α / {}"}
_SWEPT_VALUES = {
    "per_rank": "r",
    "per_expert_rank": "(r / K)",
    "null": "as in the study",
    "random_initialized": "random-initialized",
    "token_collapsed": "token-collapsed",
}

#: The backbone of a method without a language model.
NO_BACKBONE = "none"


def dataset_label(dataset: str) -> str:
    """Return the data set's name as in the literature; the name of a user's own data set is unchanged."""
    return DATASETS[dataset].label if dataset in DATASETS else dataset


def method_label(method: str) -> str:
    """Return the method's name as in the literature; an unknown id is unchanged."""
    return LABELS.get(method, method)


def backbone_label(backbone: str, parameters: int | None = None) -> str:
    """Return the backbone's id with its size, such as "embedded (1.1M parameters)"; "none" for the id "".

    Args:
        backbone: id in artifact paths.
        parameters: number of parameters; omitted from the label if None.
    """
    if not backbone:
        return NO_BACKBONE
    name = backbone.replace("--", "/")
    return name if parameters is None else f"{name} ({_in_millions(parameters)} parameters)"


def setting_label(dataset: str, backbone: str) -> str:
    """Return data set and backbone, for the title of a figure."""
    return f"{dataset_label(dataset)}, language model: {backbone_label(backbone)}"


def cluster_label(cluster: int, genres: Sequence[str]) -> str:
    """Return a cluster's label: its number, counted from 1, and its most typical genre."""
    return " ".join([str(cluster + 1), *genres[:1]])


def swept_value_label(parameter: str, value: str) -> str:
    """Return the label of a swept setting's value, such as "K = 4".

    Args:
        parameter: swept setting, such as "experts".
        value: value as text, such as "4".
    """
    text = LABELS.get(value) or _SWEPT_VALUES.get(value) or value.replace("_", " ")
    return _SWEPT.get(parameter, "{}").format(text)


def p_value(p: float) -> str:
    """Return a p-value with two significant digits: "p = 0.25", "p = 0.0042", "p < 0.001"."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.1 else f"p = {p:.2f}"


def two_decimals(value: float) -> str:
    """Return a number with two decimals and a true minus sign; zero has no sign."""
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "−")


def _in_millions(parameters: int) -> str:
    if parameters >= 10**9:
        return f"{parameters / 10**9:.1f}B"
    return f"{parameters / 10**6:.1f}M" if parameters >= 10**5 else f"{parameters / 10**3:.0f}K"
