"""Which data sets can be read, and by what."""

from collections.abc import Callable

from ilora.data.lastfm import read_lastfm
from ilora.data.movielens import read_movielens
from ilora.data.raw import RawData
from ilora.data.steam import read_steam

#: Data set -> a function that reads it from a source (a folder, or a name that the function knows).
READERS: dict[str, Callable[[str], RawData]] = {
    "movielens": read_movielens,
    "lastfm": read_lastfm,
    "steam": read_steam,
}


def read_raw(dataset: str, source: str) -> RawData:
    """Return the raw interactions and items of `dataset`, read from `source`.

    Raises:
        ValueError: no reader for that data set exists.
        FileNotFoundError, RawDataError: as the data set's reader raises them.
    """
    if dataset not in READERS:
        raise ValueError(
            f"There is no reader for the data set '{dataset}'. Those that can be read: {', '.join(READERS)}."
        )
    return READERS[dataset](source)
