"""The fast parser of dict literals agrees with `ast.literal_eval` on every line, including those that it refuses."""

import ast
import gzip
import random
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ilora.benchmarks.synthetic_steam import review_lines
from ilora.data import python_literals
from ilora.data.python_literals import parse_lines, read_dicts, read_string_fields
from ilora.data.raw import RawDataError
from ilora.datasets.steam import REVIEW_FIELDS

# For escapes that are deprecated in Python.
pytestmark = [
    pytest.mark.filterwarnings("ignore:invalid:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:invalid:SyntaxWarning"),
]

PATH = Path("reviews.json.gz")


def evaluated(line: bytes, fields: Sequence[str] = REVIEW_FIELDS) -> dict[str, str | None]:
    """Return the expected result for a line, by `ast.literal_eval`, with the same errors."""
    record = ast.literal_eval(line.decode())
    if not isinstance(record, dict) or not all(isinstance(record.get(field), str | None) for field in fields):
        raise ValueError("no dict of strings")
    return {field: _storable(record.get(field)) for field in fields}


def _storable(text: str | None) -> str | None:
    return None if text is None or any("\ud800" <= character <= "\udfff" for character in text) else text


def parsed(*lines: bytes) -> list[dict[str, str | None]]:
    return parse_lines(b"".join(line + b"\n" for line in lines), REVIEW_FIELDS, path=PATH).to_pylist()


def test_it_agrees_on_thousands_of_lines() -> None:
    lines = list(review_lines(8_000, users=2_000, games=500, seed=11))
    # In several batches, since peculiarities of one line must not affect others.
    batches = [parse_lines(b"".join(lines[at : at + 500]), REVIEW_FIELDS, path=PATH) for at in range(0, 8_000, 500)]
    found = pa.Table.from_batches(batches)
    expected = pa.Table.from_pylist([evaluated(line) for line in lines], schema=found.schema)
    assert found.num_rows == 8_000
    assert found.equals(expected)


def test_the_lines_hold_what_makes_the_true_dump_hard() -> None:
    lines = list(review_lines(8_000, users=2_000, games=500, seed=3))
    text = b"".join(lines)
    for quirk in (b'u"', b"\\'", b"\\u5f39", b"\\U0001f600", b"\\\\", b"\\n", b"early_access': False"):
        assert quirk in text
    assert not text.isascii()
    assert sum(b"u'product_id': u'10', u'date': u'2001-01-01'" in line for line in lines) > 20
    assert sum(b"user_id" not in line for line in lines) > 1000
    records = [ast.literal_eval(line.decode()) for line in lines]
    assert any("username" not in record for record in records)
    assert any("product_id" not in record for record in records)


def test_nearly_all_lines_take_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = []
    evaluate = python_literals._evaluate

    def count(line: bytes, path: Path, number: int) -> dict[object, object]:
        slow.append(line)
        return evaluate(line, path, number)

    monkeypatch.setattr(python_literals, "_evaluate", count)
    parse_lines(b"".join(review_lines(8_000, users=2_000, games=500)), REVIEW_FIELDS, path=PATH)
    assert 0 < len(slow) < 120


def test_whatever_is_altered_in_a_line_it_agrees_or_refuses() -> None:
    generator = random.Random(5)
    lines = list(review_lines(300, users=100, games=20, seed=8))
    special = [
        *"'\"\\{}:,()[]u# \t\r\x00\x0bé0-.",
        "\\'",
        "\\\\",
        "', '",
        "': '",
        "'username': 'x', ",
        "\\ud800",
        "\\x4",
    ]
    refused = 0
    for _ in range(1500):
        line = bytearray(generator.choice(lines).rstrip(b"\n"))
        for _ in range(generator.randint(1, 3)):
            # Near the start, where the fields are, or anywhere.
            at = generator.randrange(generator.choice([min(200, len(line)), len(line)]))
            line[at : at + generator.choice([0, 0, 1, 2])] = generator.choice(special).encode()
        try:
            expected = evaluated(bytes(line))
        except (ValueError, SyntaxError, TypeError):
            refused += 1
            with pytest.raises(RawDataError, match=r"reviews\.json\.gz, line 1: "):
                parsed(bytes(line))
        else:
            assert parsed(bytes(line)) == [expected], bytes(line)
    assert 250 < refused < 1475


texts = st.text(st.sampled_from("ab'\"\\,: {}u\n\té弹\U0001f600"), max_size=12)
records = st.dictionaries(
    st.sampled_from([*REVIEW_FIELDS, "text", "page", "it's"]), st.one_of(texts, st.none()), max_size=6
)


@given(st.lists(st.one_of(records.map(repr), records.map(ascii)), min_size=1, max_size=5))
@settings(max_examples=150, deadline=None)
def test_any_dicts_come_back(lines: list[str]) -> None:
    assert parsed(*(line.encode() for line in lines)) == [evaluated(line.encode()) for line in lines]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Text inside a string is never a key, in either kind of quotes, whatever precedes a quote.
        (r"{'text': ', \'date\': \'no\'', 'username': 'a', 'product_id': '1', 'date': 'd'}", ("a", "1", "d")),
        (r"""{'text': "', 'date': 'no'", 'username': 'a', 'product_id': '1', 'date': 'd'}""", ("a", "1", "d")),
        (r"{'username': 'a', 'product_id': '1', 'date': 'd', 'text': 'x\\'}", ("a", "1", "d")),
        (r"{'username': 'a\\', 'product_id': '1', 'date': 'd\\\'e'}", ("a\\", "1", "d\\'e")),
        (r"{'text': 'a\\', ', ': 1, 'username': 'a', 'product_id': '1', 'date': 'd'}", ("a", "1", "d")),
        # The last value of a key counts, in any notation of the key.
        ("{'username': 'a', 'product_id': '1', 'date': 'd', 'username': 'b'}", ("b", "1", "d")),
        (r"{'username': 'a', 'product_id': '1', 'date': 'd', 'user\x6eame': 'b'}", ("b", "1", "d")),
        ("{'username': 'a', 'product_id': '1', 'date': 'd', \"username\": None}", (None, "1", "d")),
        # Any order, and missing keys.
        ("{'date': 'd', 'product_id': '1', 'username': 'a'}", ("a", "1", "d")),
        ("{'username': 'a', 'date': 'd'}", ("a", None, "d")),
        ("{}", (None, None, None)),
        ("{'username': '', 'product_id': u'', 'date': \"\"}", ("", "", "")),
        # Forms of strings that Python reads but never writes.
        (r"{'username': r'\x', 'product_id': '1' '2', 'date': '''d'''}", ("\\x", "12", "d")),
        (r"{'username': '\N{BULLET}\101\q', 'product_id': '1', 'date': 'd'}", ("\u2022A\\q", "1", "d")),
        ("{'username': 'a\tb', 'product_id': '1', 'date': 'd'} # 'date': 'no'", ("a\tb", "1", "d")),
        ("{'username': 'a', 'product_id': '1', 'date': 'd'}\r", ("a", "1", "d")),
        # Characters: escaped, unescaped, both; a lone surrogate is not a character.
        (r"{'username': 'é\xe9\u5f39\U0001f600', 'product_id': '1', 'date': 'd'}", ("éé弹😀", "1", "d")),
        (r"{'username': '\ud83d', 'product_id': '1', 'date': 'd'}", (None, "1", "d")),
    ],
)
def test_lines_that_are_easily_misread(line: str, expected: tuple[str | None, ...]) -> None:
    assert parsed(line.encode()) == [dict(zip(REVIEW_FIELDS, expected, strict=True))]
    assert evaluated(line.encode()) == dict(zip(REVIEW_FIELDS, expected, strict=True))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "not a literal",
        "{'username': 'a'",
        "{'username': 'a', 'product_id': '1', 'date': 'd', 'text': 'x}",
        "{'username': 'a', 'product_id': '1', 'date': 'd', 'text': 'x', u'}",
        r"{'username': 'a', 'product_id': '1', 'date': 'd', 'text': '\x4'}",
        r"{'username': 'a', 'product_id': '1', 'date': 'd', 'text': '\\\u12'}",
        "{'username': 'a', 'product_id': '1', 'date': 'd', 'text': 'a\0b'}",
        "{'username': 'a', 'product_id': '1', 'date': 'd', 'page': 01}",
        "{'username': 'a', 'product_id': '1', 'date': 'd', 'hours': nan}",
        "{'username': 'a', 'product_id': '1', 'date': 'd', 'page': open('x')}",
        "{[]: 1}",
        "(" * 500 + ")" * 500,
        '{"early_access": false}',
    ],
)
def test_what_is_no_literal_is_refused_with_its_line(line: str) -> None:
    good = b"{'username': 'a', 'product_id': '1', 'date': 'd'}"
    with pytest.raises(RawDataError, match=r"reviews\.json\.gz, line 12: is not a Python literal \("):
        parse_lines(b"\n".join([good, line.encode(), good, b""]), REVIEW_FIELDS, path=PATH, first_line=11)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"['username']", "is a list, expected a dict"),
        (b"{'username': 5}", "'username' is 5, expected a string"),
        (b"{'date': b'2017-01-01'}", "'date' is b'2017-01-01', expected a string"),
        (b"{'text': '\xff'}", "is not UTF-8 text"),
    ],
)
def test_other_values_are_refused(line: bytes, problem: str) -> None:
    with pytest.raises(RawDataError, match=rf"reviews\.json\.gz, line 2: {problem}"):
        parsed(b"{}", line, b"{}")


def test_a_line_too_long_to_evaluate_is_refused_before_it_takes_gigabytes(tmp_path: Path) -> None:
    line = b"{'username': [" + b"1," * 2_000_000 + b"]}"
    tracemalloc.start()
    with pytest.raises(RawDataError, match=r"reviews\.json\.gz, line 2: has 4,000,016 bytes and begins with b"):
        parsed(b"{}", line)
    path = tmp_path / "games.json.gz"
    path.write_bytes(gzip.compress(b"{}\n" + line, compresslevel=1))
    with pytest.raises(RawDataError, match=r"games\.json\.gz, line 2: has 4,000,016 bytes"):
        list(read_dicts(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000_000


def test_a_long_line_of_the_usual_form_is_read(tmp_path: Path) -> None:
    line = b"{'username': 'a', 'product_id': '1', 'date': 'd', 'text': '" + b"x" * 4_000_000 + b"'}"
    assert parsed(line) == [{"username": "a", "product_id": "1", "date": "d"}]


def test_line_numbers_run_through_the_whole_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ilora.data.gzip_lines._BYTES_PER_CHUNK", 5000)
    lines = list(review_lines(200, users=50, games=20))
    path = tmp_path / "reviews.json.gz"
    path.write_bytes(gzip.compress(b"".join(lines)))
    batches = list(read_string_fields(path, REVIEW_FIELDS))
    assert len(batches) > 10
    assert pa.Table.from_batches(batches).to_pylist() == [evaluated(line) for line in lines]
    lines[150] = b"{'text': }\n"
    path.write_bytes(gzip.compress(b"".join(lines)))
    for read in (lambda: read_string_fields(path, REVIEW_FIELDS), lambda: read_dicts(path)):
        with pytest.raises(RawDataError, match=r"reviews\.json\.gz, line 151: is not a Python literal"):
            list(read())


def test_dicts_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "games.json.gz"
    path.write_bytes(gzip.compress("{u'id': u'10', u'tags': [u'a', u'é']}\n{}".encode()))
    assert list(read_dicts(path)) == [(1, {"id": "10", "tags": ["a", "é"]}), (2, {})]


@pytest.mark.filterwarnings("error")
def test_an_escape_that_python_gives_up_warns_nobody() -> None:
    line = rb"{'username': '\N{BULLET}\q', 'product_id': '1', 'date': 'd'}"
    (read,) = parse_lines(line + b"\n", REVIEW_FIELDS, path=PATH).to_pylist()
    assert read["username"] == "\N{BULLET}\\q"
