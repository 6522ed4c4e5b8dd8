"""MovieLens-100K, read from RecBole's installed copy or from the files that GroupLens distributes.

Both yield the same tables. The files differ in layout and in the titles of two films, which `TITLE_CORRECTIONS`
resolves.
"""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ilora.data.acquisition.source import MEGABYTE, DatasetSource, Download, RawFile
from ilora.data.filters import keep_distinct_pairs, keep_ratings_from
from ilora.data.protocol_names import CHRONOLOGICAL, RANDOM_USERS, RELEASED
from ilora.data.raw import Line, RawData, read_lines, read_lines_below_header
from ilora.data.recipes import FilterSettings, Recipe
from ilora.data.released_order import order_as_released
from ilora.data.steps import Step
from ilora.datasets.declaration import Dataset, Departure, PaperRow, Published, Release
from ilora.datasets.films import CITATIONS, TERMS, Film, items_table, ratings_table, title_and_year
from ilora.datasets.released_facts import released_split
from ilora.datasets.wording import word_prompt

#: The value of `source` for the copy inside the installed RecBole package.
RECBOLE_SOURCE = "recbole"

#: Title in a source -> correct title and year.
TITLE_CORRECTIONS: dict[str, tuple[str, int | None]] = {
    # Raw item 267, an unidentified film: misspelt in RecBole's copy, both as title and as year.
    "unkonwn": ("unknown", None),
    # Raw item 1412: IMDb's mark "(V)", for video, follows the year. GroupLens keeps it in the title;
    # RecBole's copy mistakes it for the year and leaves the year in the title.
    "Land Before Time III: The Time of the Great Giving (1995) (V)": (
        "Land Before Time III: The Time of the Great Giving",
        1995,
    ),
    "Land Before Time III: The Time of the Great Giving (1995)": (
        "Land Before Time III: The Time of the Great Giving",
        1995,
    ),
}

#: The genres in the order of the 19 flags of `u.item`.
GENRES = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)

_RECBOLE_RATING_COLUMNS = ["user_id:token", "item_id:token", "rating:float", "timestamp:float"]
_RECBOLE_ITEM_COLUMNS = ["item_id:token", "movie_title:token_seq", "release_year:token", "class:token_seq"]
_COLUMNS_BEFORE_GENRES = 5  # of u.item: id, title, release date, video release date, address


def read_movielens(source: str) -> RawData:
    """Return the ratings and films of MovieLens-100K.

    Titles have no year, and a ", The", ", An" or ", A" at the end of a title, or of an alternative title in
    parentheses, is moved to its front. `metadata` is `{"genres": [...], "year": ...}`; an unknown year is null.

    Args:
        source: "recbole" for the copy inside the installed RecBole package (which is not imported), or a
            folder with GroupLens' `u.data` and `u.item`.

    Raises:
        FileNotFoundError: a file is missing, or RecBole is not installed.
        RawDataError: a line is malformed, an item or a rating occurs twice, or a rated item is not described.
    """
    if source == RECBOLE_SOURCE:
        folder = _recbole_folder()
        films = list(_recbole_films(folder / "ml-100k.item"))
        ratings = _recbole_lines(folder / "ml-100k.inter", _RECBOLE_RATING_COLUMNS)
    else:
        folder = Path(source)
        films = list(_grouplens_films(folder / "u.item"))
        ratings = read_lines(folder / "u.data", separator="\t", columns=4, encoding="ascii")
    items = items_table(films)
    return RawData(ratings_table(ratings, set(items["raw_id"].to_pylist())), items)


def _recbole_folder() -> Path:
    spec = find_spec("recbole")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            "The data source 'recbole' is the copy of MovieLens-100K in the RecBole package, which is not"
            " installed. Install it, or set data.sources to a folder with GroupLens' u.data and u.item."
        )
    return Path(spec.submodule_search_locations[0], "dataset_example", "ml-100k")


def _recbole_lines(path: Path, columns: list[str]) -> Iterator[Line]:
    return read_lines_below_header(path, columns, separator="\t", encoding="utf-8")


def _recbole_films(path: Path) -> Iterator[Film]:
    for line in _recbole_lines(path, _RECBOLE_ITEM_COLUMNS):
        _, title, year, genres = line.fields
        if title in TITLE_CORRECTIONS:
            title, corrected_year = TITLE_CORRECTIONS[title]
            yield Film(line, title, corrected_year, genres.split())
        else:
            yield Film(line, title, line.whole_number(2, "year") if year else None, genres.split())


def _grouplens_films(path: Path) -> Iterator[Film]:
    columns = _COLUMNS_BEFORE_GENRES + len(GENRES)
    for line in read_lines(path, separator="|", columns=columns, encoding="latin-1"):
        title = line.fields[1]
        year: int | None = None
        if title in TITLE_CORRECTIONS:
            title, year = TITLE_CORRECTIONS[title]
        else:
            title, year = title_and_year(title)
        flags = line.fields[_COLUMNS_BEFORE_GENRES:]
        if not set(flags) <= {"0", "1"}:
            raise line.error(f"the genre flags are {flags}, expected only 0 and 1")
        genres = [genre for genre, flag in zip(GENRES, flags, strict=True) if flag == "1"]
        yield Film(line, title, year, genres)


def _filters(settings: FilterSettings) -> list[Step]:
    return [*keep_ratings_from(settings.minimum_rating), keep_distinct_pairs()]


_SOURCE = DatasetSource(
    title="MovieLens-100K (GroupLens)",
    page="https://grouplens.org/datasets/movielens/100k/",
    downloads=(
        Download(
            address="https://files.grouplens.org/datasets/movielens/ml-100k.zip",
            sha256="50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
            maximum_bytes=50 * MEGABYTE,
            files=(
                RawFile("u.data", maximum_bytes=20 * MEGABYTE, member="ml-100k/u.data"),
                RawFile("u.item", maximum_bytes=20 * MEGABYTE, member="ml-100k/u.item"),
            ),
        ),
    ),
    terms=TERMS,
    citations=CITATIONS,
)

_PUBLISHED = Published(
    statistics={
        "users": 943,
        "items": 1_682,
        "interactions": 100_000,
        "users_train": 754,
        "users_val": 94,
        "users_test": 95,
        "sequences_val": 94,
        "sequences_test": 95,
    },
    table1={
        "gru4rec": PaperRow(1.0000, 0.3750, 40.67),
        "caser": PaperRow(1.0000, 0.3861, 36.62),
        "sasrec": PaperRow(1.0000, 0.3444, 53.16),
        "zero_shot": PaperRow(0.4421, 0.0421, 1152.97),
        "chatrec": PaperRow(0.9895, 0.2000, 163.75),
        "morec": PaperRow(1.0000, 0.2822, 86.92),
        "tallrec": PaperRow(0.9263, 0.3895, 35.43),
        "llara": PaperRow(0.9684, 0.4421, 19.32),
        "ilora": PaperRow(0.9891, 0.5275, None),
    },
    learning_rates={"paper": 1e-4, "released": 8e-4},
    four_experts_over_two=6.4,
    departures=(
        Departure(
            "users of the splits",
            paper="The held-out users of the released files have 74.8 ratings of 3 or higher on average, the training "
            "users 90.7. Only 0.7 % of random splits are as uneven.",
            here="Drawn at random, so that held-out users have about as many ratings as the others.",
            effect="The test users are not the paper's, and they have more ratings.",
            protocols=(RANDOM_USERS,),
        ),
        Departure(
            "films rated at the same time",
            paper="In the order that NumPy's classic introsort gives the lines of the file: sorted this way, all 189 "
            "released validation and test rows are reproduced.",
            here="In a fixed order, by a hash of user and film.",
            effect="Many histories are in a different order from the paper's, and some last items differ; the table of "
            "data sets counts the shared times.",
            protocols=(RANDOM_USERS, CHRONOLOGICAL),
        ),
        Departure(
            "candidate films",
            paper="The released code draws from all 1,682 films, so that 72 % of the candidate sets contain one that "
            "nobody rated 3 or higher.",
            here="Drawn from the films that somebody rated {minimum_rating:g} or higher.",
            effect="Such a film is easily ruled out: on the released test users, popularity has a HitRatio@1 of 0.190 "
            "with these films and of 0.183 without them, over many draws.",
            protocols=(RANDOM_USERS, CHRONOLOGICAL),
        ),
        Departure(
            "candidate films",
            paper="Not specified. The released code draws from all 1,682 films, so that 72 % of the candidate sets "
            "contain one that nobody rated 3 or higher.",
            here="Drawn as in the released code.",
            effect="Such a film is easily ruled out: on the released test users, popularity has a HitRatio@1 of 0.190 "
            "with these films and of 0.183 without them, over many draws.",
            protocols=(RELEASED,),
        ),
        Departure(
            "titles",
            paper='The released code removes the last seven characters as the year and moves the first ", The", ", A" '
            'or ", An" that it finds, wherever it is. So film 267 has no title, that of film 1412 is cut off, and some '
            "get a wrong article (436: A American Werewolf in Londonn).",
            here="The year is recognised by its parentheses, and an article at the end of a title moves to its front.",
            effect="Some titles are spelled differently; the errors of the released ones are not repeated.",
        ),
    ),
)

_RELEASED_USERS = "movielens_users.csv"

DATASET = Dataset(
    "movielens",
    "MovieLens",
    wording=word_prompt("movies", "watched", "watch"),
    read=read_movielens,
    recipe=Recipe(_filters),
    default_source=RECBOLE_SOURCE,
    options=("minimum_rating",),
    bundled={RECBOLE_SOURCE: "the copy inside the installed RecBole"},
    source=_SOURCE,
    published=_PUBLISHED,
    # Candidates are drawn from all films, including those that nobody rated 3 or higher.
    release=Release(
        Recipe(_filters, order=order_as_released, catalogue=lambda films: films),
        released_split(_RELEASED_USERS),
        (_RELEASED_USERS,),
    ),
)
