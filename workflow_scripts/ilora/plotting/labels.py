"""How data sets, methods and backbones are named in tables and figures."""

DATASETS = {"movielens": "MovieLens", "lastfm": "LastFM", "steam": "Steam"}

METHODS = {
    "popularity": "Popularity",
    "markov": "Markov chain",
    "gru4rec": "GRU4Rec",
    "caser": "Caser",
    "sasrec": "SASRec",
    "zero_shot": "Untuned LLM",
    "llara": "LLaRA",
    "ilora": "iLoRA",
}

#: The backbone of a method without a language model.
NO_BACKBONE = "none"


def dataset_label(dataset: str) -> str:
    """Return the data set's name as written in the literature; an unknown id as it is."""
    return DATASETS.get(dataset, dataset)


def method_label(method: str) -> str:
    """Return the method's name as written in the literature; an unknown id as it is."""
    return METHODS.get(method, method)


def backbone_label(backbone: str, parameters: int | None = None) -> str:
    """Return the backbone's id with its size, such as "embedded (1.1M parameters)"; "none" for the id "".

    Args:
        backbone: the id in artifact paths.
        parameters: number of parameters; left out of the label when None.
    """
    if not backbone:
        return NO_BACKBONE
    name = backbone.replace("--", "/")
    return name if parameters is None else f"{name} ({_in_millions(parameters)} parameters)"


def setting_label(dataset: str, backbone: str) -> str:
    """Return data set and backbone as they stand above a figure."""
    return f"{dataset_label(dataset)}, language model: {backbone_label(backbone)}"


def _in_millions(parameters: int) -> str:
    if parameters >= 10**9:
        return f"{parameters / 10**9:.1f}B"
    return f"{parameters / 10**6:.1f}M" if parameters >= 10**5 else f"{parameters / 10**3:.0f}K"
