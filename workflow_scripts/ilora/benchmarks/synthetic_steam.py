"""Synthetic dumps in the format of Steam's reviews and games, with the quirks of the real ones.

The real dump was written by Python 2: every line is the `repr` of a dict. Its strings have the prefix u, escapes for
non-ASCII characters, and the quotes that need less escaping; keys may be missing; and a reviewer's text may resemble
the rest of the line. In addition, 3 lines in 1,000 have another layout that `ast.literal_eval` accepts.

A dump is a pure function of the seed and its sizes. It contains no text from real reviews.
"""

import gzip
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ilora.datasets.steam import GAMES_FILE, REVIEWS_FILE

_REVIEWS_PER_BLOCK = 1000
_BYTES_PER_WRITE = 1 << 20
_SYLLABLES = [consonant + vowel for consonant in "dgklmnrstv" for vowel in "aeo"]
_SMALL_WORDS = [
    "the",
    "a",
    "and",
    "to",
    "is",
    "of",
    "game",
    "it",
    "you",
    "this",
    "for",
    "but",
    "not",
    "with",
    "fun",
    "so",
]
_USER_NAMES = (
    "{}",
    "{} the {}",
    "xX{}{}Xx",
    "{}'s {}",
    'the "{}" {}',
    "{}\\{}",
    "{}\u00e9{}",
    "\u5f39\u70b8{}",
    "\u2605{}\U0001f600",
    "{}, {}",
    "123",
)
#: Pieces of reviews that a careless parser takes for the end of a string or line, or for the keys.
_INTERJECTIONS = (
    "don't",
    'the so-called "classic"',
    "'single' and \"double\"",
    "\n",
    "\n\n- pro:\t",
    "C:\\games\\",
    "\\'",
    "caf\u00e9",
    "\u5f39\u70b8\u4eba",
    "\U0001f600\U0001f44d",
    "\u2028",
    "\u2591\u2592\u2588" * 8,
    "', u'product_id': u'10', u'date': u'2001-01-01', u'username': u'nobody",
    "\"}\n{u'product_id': u'20'}",
    "{'username': 'somebody', 'product_id': '30'}",
    "{}[]()",
    "u'",
    "10/10",
)


def write_dump(folder: Path, *, reviews: int, users: int, games: int, seed: int = 0) -> None:
    """Write `steam_reviews.json.gz` and `steam_games.json.gz` into `folder`.

    Args:
        folder: existing folder.
        reviews: number of lines of the review file; some lack an id, some repeat a user's review of a game.
        users: maximum number of distinct user names; the first ones write most reviews.
        games: number of games in the game file, which also has a few lines without an id or for a repeated game.
        seed: integer from 0.
    """
    _write_lines(folder / GAMES_FILE, game_lines(games, seed))
    _write_lines(folder / REVIEWS_FILE, review_lines(reviews, users=users, games=games, seed=seed))


def review_lines(count: int, *, users: int, games: int, seed: int = 0) -> Iterator[bytes]:
    """Yield `count` reviews as UTF-8 lines with line ends; a smaller `count` yields a prefix of a larger one."""
    names, game_ids, words = _user_names(users, seed), _game_ids(games, seed), _vocabulary()
    blocks = (_block_of_reviews(block, names, game_ids, words, seed) for block in itertools.count())
    for review, layout in itertools.islice(itertools.chain.from_iterable(blocks), count):
        yield _line(review, layout)


def game_lines(count: int, seed: int = 0) -> Iterator[bytes]:
    """Yield `count` games, interspersed with lines without an id and with repeated games."""
    generator, words = _generator(seed, "games"), _vocabulary()
    for number, game_id in enumerate(_game_ids(count, seed)):
        title = " ".join(words[word].capitalize() for word in generator.integers(len(_SMALL_WORDS), len(words), size=3))
        title += ("", "", "", "\u00ae", ": Director's Cut", " & Friends", " \u5f39")[number % 7]
        game: dict[str, object] = {
            "publisher": "Nobody, Inc.",
            "genres": ["Action", "Indie"][: number % 3],
            "app_name": title,
            "title": title.replace("&", "&amp;"),
            "url": f"http://store.steampowered.com/app/{game_id}/",
            "release_date": (f"{2000 + number % 18}-03-01", "Soon..", "Jun 2009")[number % 50 // 48],
            "price": (4.99, "Free To Play")[number % 9 == 0],
            "early_access": number % 20 == 0,
            "id": game_id,
        }
        if number % 16 == 5:
            del game["title"]
        yield _line(game, 0)
        if number % 1000 == 7:
            yield _line(game, 0)
        if number % 1000 == 8:
            yield _line({key: value for key, value in game.items() if key not in ("id", "title", "app_name")}, 0)


def _generator(seed: int, *purpose: str | int) -> np.random.Generator:
    return np.random.default_rng([seed, *"/".join(map(str, purpose)).encode()])


def _vocabulary() -> list[str]:
    made_up = ("".join(parts) for size in (2, 3) for parts in itertools.product(_SYLLABLES, repeat=size))
    return [*_SMALL_WORDS, *made_up]


def _game_ids(count: int, seed: int) -> list[str]:
    return [str(10 * number) for number in _generator(seed, "game ids").permutation(count) + 1]


def _user_names(count: int, seed: int) -> list[str]:
    generator, words = _generator(seed, "users"), _vocabulary()
    drawn = generator.integers(len(_SMALL_WORDS), len(words), size=(count, 2)).tolist()
    # Three in four names have the plain form.
    forms = np.maximum(generator.integers(-3 * len(_USER_NAMES), len(_USER_NAMES), size=count), 0).tolist()
    return [_USER_NAMES[form].format(words[a], words[b]) for (a, b), form in zip(drawn, forms, strict=True)]


def _block_of_reviews(
    block: int, names: list[str], game_ids: list[str], words: list[str], seed: int
) -> Iterator[tuple[dict[str, object], int]]:
    """Yield reviews, each with the number of its line layout."""
    generator = _generator(seed, "reviews", block)
    size = _REVIEWS_PER_BLOCK
    who = (len(names) * generator.random(size) ** 2).astype(int).tolist()
    # About one review in 1,000 is for a game that the game file lacks.
    what = (1.001 * len(game_ids) * generator.random(size) ** 2).astype(int).tolist()
    lengths = np.clip(generator.lognormal(3.2, 1.2, size), 0, 1200).astype(int)
    # Word frequencies decrease with rank roughly as in real text, so that the dump compresses similarly.
    ranks = (len(words) ** generator.random(int(lengths.sum())) - 1).astype(int).tolist()
    days = np.datetime64("2010-10-15") + generator.integers(0, 2600, size)
    dates = np.datetime_as_string(days).tolist()
    quirks = generator.integers(0, 1000, size=(size, 5)).tolist()
    numbers = generator.integers(0, 500, size=(size, 2)).tolist()
    ends = np.cumsum(lengths).tolist()
    for row in range(size):
        typed = [words[rank] for rank in ranks[ends[row] - lengths[row] : ends[row]]]
        speech, missing, extra, layout, early = quirks[row]
        if speech < 600:
            typed.insert(len(typed) // 2, _INTERJECTIONS[speech % len(_INTERJECTIONS) if speech < 360 else 0])
        review: dict[str, object] = {
            "username": names[who[row]],
            "hours": numbers[row][0] / 10,
            "products": numbers[row][1],
            "product_id": game_ids[what[row]] if what[row] < len(game_ids) else str(10 * what[row] + 5),
            "page_order": row % 10,
            "date": dates[row],
            "text": " ".join(typed),
            "early_access": early < 100,
            "page": row // 10,
        }
        if missing < 5:
            del review[("username", "product_id", "hours")[row % 3]]
        if extra < 400:
            review = {"user_id": f"7656119{row:010d}", **review}
        if extra % 10 == 0:
            review["found_funny"] = numbers[row][0]
        if extra % 25 == 0:
            review["compensation"] = "Product received for free"
        yield review, 1 + row % 5 if layout < 3 else 0


def _line(record: dict[str, object], layout: int) -> bytes:
    """Return one line: a dict as written by Python 2 (layout 0), or in one of the five rare layouts."""
    items = list(record.items())
    python_2 = [f"u'{key}': {_python_2(value)}" for key, value in items]
    match layout:
        case 1:  # as written by Python 3: non-ASCII characters are not escaped
            text = repr(record)
        case 2:  # different whitespace, and a trailing comma
            text = "{ " + " ,\t".join(python_2) + " , }"
        case 3:  # keys in double quotes, in reverse order
            text = "{" + ", ".join(f'"{key}": {_python_2(value)}' for key, value in reversed(items)) + "}"
        case 4:  # a repeated key: the last one counts
            text = "{" + ", ".join(["u'date': u'2001-01-01'", *python_2]) + "}"
        case 5:  # concatenated strings, and a value that is neither a string nor a number
            text = "{" + ", ".join([*python_2, "u'more': [u'a', {'b': (1, None)}]", "u'tags': u'a' 'b' \"c\""]) + "}"
        case _:
            text = "{" + ", ".join(python_2) + "}"
    return f"{text}\n".encode()


def _python_2(value: object) -> str:
    """Return the Python 2 `repr` of a value whose strings are all Unicode."""
    if isinstance(value, str):
        return f"u{ascii(value)}"
    if isinstance(value, list):
        return f"[{', '.join(map(_python_2, value))}]"
    return repr(value)


def _write_lines(path: Path, lines: Iterator[bytes]) -> None:
    with gzip.GzipFile(path, "wb", compresslevel=6, mtime=0) as file:
        waiting = bytearray()
        for line in lines:
            waiting += line
            if len(waiting) >= _BYTES_PER_WRITE:
                file.write(bytes(waiting))
                waiting.clear()
        file.write(bytes(waiting))
