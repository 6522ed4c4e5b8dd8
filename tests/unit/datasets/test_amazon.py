"""Amazon's reviews and product metadata of 2014, in the form of their files."""

import gzip
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from ilora.data.protocols import make_sequences, prepare
from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, RawDataError
from ilora.data.recipes import FilterSettings
from ilora.datasets.amazon_reviews import metadata_file, read_amazon, reviews_file
from ilora.datasets.register import DATASETS
from ilora.plotting.dataset_reference import paper_statistic

# The reviews are JSON that is also a Python literal; the metadata are Python literals only.
REVIEWS = [
    '{"reviewerID": "A1YJ", "asin": "7806397051", "reviewerName": "Andrea", "helpful": [3, 4], '
    '"reviewText": "Very oily \\u2013 \\"creamy\\" \\/ not.", "overall": 1.0, "unixReviewTime": 1391040000}',
    '{"reviewerID": "A60X", "asin": "B0001", "overall": 5.0, "unixReviewTime": 1397779200, "reviewTime": "04 18"}',
]
PRODUCTS = [
    "{'asin': '0000000001', 'title': 'Nobody reviewed it', 'categories': [['Beauty']]}",
    "{'asin': '7806397051', 'description': \"It's dry &amp; long lasting.\", 'title': 'WAWO 15 Color &amp; Palette', "
    "'imUrl': 'http://x/y.jpg', 'salesRank': {'Beauty': 461765}, 'brand': '', 'price': 3.5, "
    "'categories': [['Beauty', 'Makeup', 'Face'], ['Beauty', 'Tools']], 'related': {'also_viewed': ['B0001']}}",
    "{'asin': 'B0001', 'categories': [['Beauty']], 'brand': 'Xtreme \\ud83d'}",
]


def write(folder: Path, reviews: Sequence[str], products: Sequence[str]) -> str:
    for name, lines in ((reviews_file("Beauty"), reviews), (metadata_file("Beauty"), products)):
        (folder / name).write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode()))
    return str(folder)


def test_reviews_and_products(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="ilora")
    raw = read_amazon(write(tmp_path, REVIEWS, PRODUCTS), "Beauty")
    assert raw.interactions.schema == RAW_INTERACTIONS and raw.items.schema == RAW_ITEMS
    assert [tuple(row.values()) for row in raw.interactions.to_pylist()] == [
        ("A1YJ", "7806397051", 1.0, 1391040000),
        ("A60X", "B0001", 5.0, 1397779200),
    ]
    described = [(row["raw_id"], row["title"], json.loads(row["metadata"])) for row in raw.items.to_pylist()]
    categories = [["Beauty", "Makeup", "Face"], ["Beauty", "Tools"]]
    assert described == [
        (
            "7806397051",
            "WAWO 15 Color & Palette",
            {"categories": categories, "brand": None, "description": "It's dry & long lasting.", "price": 3.5},
        ),
        ("B0001", "B0001", {"categories": [["Beauty"]], "brand": "Xtreme ?", "description": None, "price": None}),
    ]
    assert "1 without a title, called by their ids; 1 without a description" in caplog.text


@pytest.mark.parametrize(
    ("review", "problem"),
    [
        (
            '{"reviewerID": "A", "asin": "C9", "overall": 5.0, "unixReviewTime": 1}',
            "does not describe 1 of the 3 reviewed products",
        ),
        ('{"reviewerID": "A", "asin": "B0001", "overall": 5.0}', "line 3: 'unixReviewTime' is None"),
        ('{"reviewerID": "A", "asin": "B0001", "unixReviewTime": 1}', "line 3: has no 'overall'"),
        ('{"asin": "B0001", "overall": 5.0, "unixReviewTime": 1}', "line 3: 'reviewerID' is None, expected an id"),
        ("reviewerID,asin", "line 3: is not a Python literal"),
    ],
)
def test_a_wrong_review_is_refused(tmp_path: Path, review: str, problem: str) -> None:
    with pytest.raises(RawDataError, match=problem):
        read_amazon(write(tmp_path, [*REVIEWS, review], PRODUCTS), "Beauty")


@pytest.mark.parametrize(
    ("product", "problem"),
    [
        ("{'asin': 'B0002', 'price': '3.5'}", "line 4: 'price' is '3.5', expected a number"),
        ("{'asin': 'B0002', 'categories': ['Beauty']}", "line 4: 'categories' is .* expected lists of strings"),
        ("{'asin': 'B0002', 'title': 5}", "line 4: 'title' is 5, expected a string"),
    ],
)
def test_a_wrong_product_is_refused(tmp_path: Path, product: str, problem: str) -> None:
    review = '{"reviewerID": "A", "asin": "B0002", "overall": 5.0, "unixReviewTime": 1}'
    with pytest.raises(RawDataError, match=problem):
        read_amazon(write(tmp_path, [*REVIEWS, review], [*PRODUCTS, product]), "Beauty")


def test_the_5_core_is_kept_and_users_are_left_one_out(tmp_path: Path) -> None:
    reviews = [
        json.dumps({"reviewerID": f"U{user}", "asin": f"P{item}", "overall": 4.0, "unixReviewTime": 86400 * item})
        for user in range(6)
        for item in range(5 if user else 1)  # the first user has too few
    ]
    products = [f"{{'asin': 'P{item}', 'title': 'Product {item}'}}" for item in range(5)]
    dataset = DATASETS["amazon_beauty"]
    data = prepare(dataset.read(write(tmp_path, reviews, products)), dataset.recipe, "chronological", FilterSettings())
    assert data.interactions.num_rows == 25 and data.items.num_rows == 5
    sequences = make_sequences(data.interactions, "chronological", split_seed=0, minimum_history=1, maximum_history=20)
    tests = [row for row in sequences.to_pylist() if row["split"] == "test"]
    assert len(tests) == 5 and all(len(row["history"]) == 4 for row in tests)


@pytest.mark.parametrize("name", ["amazon_beauty", "amazon_sports", "amazon_toys", "movielens_1m"])
def test_what_is_published_stands_beside_ours(name: str) -> None:
    assert paper_statistic(name, "chronological", "users") == DATASETS[name].published.statistics["users"]
    assert paper_statistic("movielens", "chronological", "users") is None
