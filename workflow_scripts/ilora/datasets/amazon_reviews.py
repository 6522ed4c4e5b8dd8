"""Common parts of the Amazon review data sets of 2014: their files and their filters."""

import html
import json
import logging
import math
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from ilora.data.acquisition.source import GIGABYTE, DatasetSource, Download, RawFile
from ilora.data.filters import keep_core, keep_distinct_pairs
from ilora.data.python_literals import read_dicts
from ilora.data.raw import RAW_INTERACTIONS, RAW_ITEMS, RawData, RawDataError
from ilora.data.recipes import FilterSettings, Recipe
from ilora.data.steps import Step
from ilora.datasets.declaration import Dataset, Departure, Published
from ilora.datasets.wording import word_prompt

logger = logging.getLogger(__name__)

#: Minimum users per item and items per user.
CORE = 5

_ADDRESS = "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles/"

Record = dict[object, object]


def reviews_file(category: str) -> str:
    """Return the file name of a category's 5-core reviews; a category is, for example, ``Beauty``."""
    return f"reviews_{category}_{CORE}.json.gz"


def metadata_file(category: str) -> str:
    """Return the file name of a category's product metadata."""
    return f"meta_{category}.json.gz"


def read_amazon(source: str, category: str) -> RawData:
    """Return the reviews and the reviewed products.

    A timestamp is the day of the review. A title is the product's `title` with HTML character references resolved, or
    its id if it has no title, so that no product is dropped for a missing title. `metadata` is `{"categories": [[...],
    ...], "brand": ..., "description": ..., "price": ...}`, with categories from general to specific, and null for
    unknown values. Products without a title or without a description are counted and logged.

    Args:
        source: a folder with the gzipped files of reviews and of products, one record per line, each a Python dict
            literal or JSON that is also one.
        category: name of the category in the file names.

    Raises:
        FileNotFoundError: a file is missing.
        RawDataError: a file is damaged, a line is not a record or lacks a required field, or a reviewed product is not
            described.
    """
    interactions = _read_reviews(Path(source, reviews_file(category)))
    path = Path(source, metadata_file(category))
    reviewed = dict.fromkeys(interactions["raw_item_id"].to_pylist())
    items = _read_products(path, reviewed)
    missing = [item for item in reviewed if item not in items]
    if missing:
        raise RawDataError(
            f"{path}: does not describe {len(missing)} of the {len(reviewed)} reviewed products, such as "
            f"{missing[0]}. Check that both files are of the same category and year."
        )
    return RawData(interactions, pa.Table.from_pylist(list(items.values()), schema=RAW_ITEMS))


def _read_reviews(path: Path) -> pa.Table:
    rows = []
    for number, review in read_dicts(path):
        time = review.get("unixReviewTime")
        if not isinstance(time, int) or isinstance(time, bool) or time < 0:
            raise RawDataError(f"{path}, line {number}: 'unixReviewTime' is {time!r:.50}, expected a whole number.")
        rating = _number(review, "overall", path, number)
        if rating is None:
            raise RawDataError(f"{path}, line {number}: has no 'overall', expected a rating.")
        user, item = (_id(review, key, path, number) for key in ("reviewerID", "asin"))
        rows.append({"raw_user_id": user, "raw_item_id": item, "rating": rating, "timestamp": time})
    if not rows:
        raise RawDataError(f"{path}: found no reviews.")
    return pa.Table.from_pylist(rows, schema=RAW_INTERACTIONS)


def _read_products(path: Path, wanted: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the rows of schema RAW_ITEMS of the wanted products, by id; the first one of each product."""
    rows: dict[str, dict[str, str]] = {}
    untitled = undescribed = lines = 0
    for lines, product in read_dicts(path):
        raw_id = _id(product, "asin", path, lines)
        if raw_id not in wanted or raw_id in rows:
            continue
        title, description, brand = (_text(product, key, path, lines) for key in ("title", "description", "brand"))
        untitled += title is None
        undescribed += description is None
        known = {"brand": brand, "description": description, "price": _number(product, "price", path, lines)}
        metadata = json.dumps({"categories": _categories(product, path, lines), **known}, ensure_ascii=False)
        rows[raw_id] = {"raw_id": raw_id, "title": title or raw_id, "metadata": metadata}
    logger.info("reviewed products: %d lines in, %d out", lines, len(rows))
    logger.info("products: %d without a title, called by their ids; %d without a description", untitled, undescribed)
    return rows


def _id(record: Record, key: str, path: Path, number: int) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value.strip():
        raise RawDataError(f"{path}, line {number}: '{key}' is {value!r:.50}, expected an id.")
    return value


def _text(record: Record, key: str, path: Path, number: int) -> str | None:
    """Return a text with character references resolved, or None if it is empty; invalid Unicode becomes "?"."""
    value = record.get(key)
    if value is not None and not isinstance(value, str):
        raise RawDataError(f"{path}, line {number}: '{key}' is {value!r:.50}, expected a string.")
    return html.unescape(value or "").encode(errors="replace").decode().strip() or None


def _number(record: Record, key: str, path: Path, number: int) -> float | None:
    value = record.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise RawDataError(f"{path}, line {number}: '{key}' is {value!r:.50}, expected a number.")
    return float(value)


def _categories(record: Record, path: Path, number: int) -> list[list[str]]:
    value = record.get("categories") or []
    if not isinstance(value, list) or not all(_are_texts(each) for each in value):
        raise RawDataError(f"{path}, line {number}: 'categories' is {value!r:.50}, expected lists of strings.")
    return [[html.unescape(name).encode(errors="replace").decode() for name in each] for each in value]


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _filters(settings: FilterSettings) -> list[Step]:
    """Return the 5-core filters. The published files are a 5-core already, but a folder may contain a part of them."""
    return [keep_distinct_pairs(), keep_core(CORE, CORE)]


_ORDER_OF_DAYS = Departure(
    "products reviewed on one day",
    paper="In the order of the file, which is sorted by product; a stable sort by time preserves it.",
    here="In a fixed order, by a hash of user and product.",
    effect="Many histories, and some last items, differ from those of others: in file order, larger ids come later, "
    "which a model can learn. The table of data sets counts the shared times.",
)


def amazon_dataset(name: str, label: str, category: str, published: Published) -> Dataset:
    """Return the declaration of a category.

    Args:
        name: name of the data set.
        label: label in tables and figures.
        category: name of the category in the file names.
        published: published numbers about it.
    """
    return Dataset(
        name,
        label,
        wording=word_prompt("products", "bought", "buy"),
        read=lambda source: read_amazon(source, category),
        recipe=Recipe(_filters),
        source=_source(label, category),
        published=replace(published, departures=(_ORDER_OF_DAYS,)),
    )


def _source(label: str, category: str) -> DatasetSource:
    reviews, products = reviews_file(category), metadata_file(category)
    return DatasetSource(
        title=f"{label}: reviews of 2014, 5-core, and product metadata (McAuley Lab, UC San Diego)",
        page="https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html",
        downloads=(
            Download(
                address=_ADDRESS + reviews,
                maximum_bytes=GIGABYTE,
                files=(RawFile(reviews, maximum_bytes=4 * GIGABYTE),),
                first_line_holds=(b"reviewerID", b"asin", b"unixReviewTime"),
            ),
            Download(
                address=_ADDRESS + products,
                maximum_bytes=2 * GIGABYTE,
                files=(RawFile(products, maximum_bytes=8 * GIGABYTE),),
                first_line_holds=(b"asin",),
            ),
        ),
        terms=(
            "Its page states no licence; it asks those who use the data to cite the publications below.",
            "The reviews belong to their authors, and Amazon's terms apply to them: do not redistribute the data.",
        ),
        citations=(
            "Ruining He and Julian McAuley. 2016. Ups and Downs: Modeling the Visual Evolution of Fashion Trends with "
            "One-Class Collaborative Filtering. In Proceedings of the 25th International Conference on World Wide Web "
            "(WWW 2016), 507-517. https://doi.org/10.1145/2872427.2883037",
            "Julian McAuley, Christopher Targett, Qinfeng Shi and Anton van den Hengel. 2015. Image-Based "
            "Recommendations on Styles and Substitutes. In Proceedings of the 38th International ACM SIGIR Conference "
            "(SIGIR 2015), 43-52. https://doi.org/10.1145/2766462.2767755",
        ),
    )
