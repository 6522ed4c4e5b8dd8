"""MovieLens-1M, read from the files that GroupLens distributes."""

from collections.abc import Iterator
from pathlib import Path

from ilora.data.acquisition.source import MEGABYTE, DatasetSource, Download, RawFile
from ilora.data.filters import keep_distinct_pairs, keep_ratings_from
from ilora.data.raw import RawData, read_lines
from ilora.data.recipes import FilterSettings, Recipe
from ilora.data.steps import Step
from ilora.datasets.declaration import Dataset, Published
from ilora.datasets.films import CITATIONS, TERMS, Film, items_table, ratings_table, title_and_year
from ilora.datasets.wording import word_prompt

RATINGS_FILE, MOVIES_FILE = "ratings.dat", "movies.dat"

_SEPARATOR = "::"


def read_movielens_1m(source: str) -> RawData:
    """Return the ratings and films.

    Titles and `metadata` are those of `ilora.datasets.movielens.read_movielens`.

    Args:
        source: a folder with `ratings.dat` (user, film, rating, seconds since 1970) and `movies.dat` (film, title with
            year, genres), in Latin-1, with fields separated by `::`.

    Raises:
        FileNotFoundError: a file is missing.
        RawDataError: a line is malformed, a film or a rating occurs twice, or a rated film is not described.
    """
    items = items_table(_films(Path(source, MOVIES_FILE)))
    ratings = read_lines(Path(source, RATINGS_FILE), separator=_SEPARATOR, columns=4, encoding="latin-1")
    return RawData(ratings_table(ratings, set(items["raw_id"].to_pylist())), items)


def _films(path: Path) -> Iterator[Film]:
    for line in read_lines(path, separator=_SEPARATOR, columns=3, encoding="latin-1"):
        _, title, genres = line.fields
        yield Film(line, *title_and_year(title), genres.split("|"))


def _filters(settings: FilterSettings) -> list[Step]:
    return [*keep_ratings_from(settings.minimum_rating), keep_distinct_pairs()]


DATASET = Dataset(
    "movielens_1m",
    "MovieLens-1M",
    wording=word_prompt("movies", "watched", "watch"),
    read=read_movielens_1m,
    recipe=Recipe(_filters),
    options=("minimum_rating",),
    source=DatasetSource(
        title="MovieLens-1M (GroupLens)",
        page="https://grouplens.org/datasets/movielens/1m/",
        downloads=(
            Download(
                address="https://files.grouplens.org/datasets/movielens/ml-1m.zip",
                sha256="a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
                maximum_bytes=50 * MEGABYTE,
                files=(
                    RawFile(RATINGS_FILE, maximum_bytes=100 * MEGABYTE, member=f"ml-1m/{RATINGS_FILE}"),
                    RawFile(MOVIES_FILE, maximum_bytes=20 * MEGABYTE, member=f"ml-1m/{MOVIES_FILE}"),
                ),
            ),
        ),
        terms=TERMS,
        citations=CITATIONS,
    ),
    # The whole data set, before minimum_rating.
    published=Published(statistics={"users": 6_040, "items": 3_706, "interactions": 1_000_209}),
)
