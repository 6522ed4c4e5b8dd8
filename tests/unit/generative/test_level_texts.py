from __future__ import annotations

import json

import pyarrow as pa

from ilora.artifacts.schemas import ITEMS
from ilora.generative.level_texts import item_texts, level_texts


def catalogue(*items: tuple[str, dict[str, object]]) -> pa.Table:
    rows = [
        {"item_id": number, "title": title, "raw_id": str(number), "metadata": json.dumps(metadata)}
        for number, (title, metadata) in enumerate(items)
    ]
    return pa.Table.from_pylist(rows, schema=ITEMS)


def test_a_level_that_a_data_set_lacks_is_left_out() -> None:
    films = catalogue(("Heat", {"genres": ["Action", "Crime"], "year": 1995}), ("Home", {"genres": [], "year": None}))
    assert level_texts(films) == {"category": ["Action, Crime", "unknown"], "title": ["Heat", "Home"]}
    assert item_texts(films) == ["Heat. Action, Crime", "Home"]
    assert level_texts(catalogue(("Muse", {}))) == {"title": ["Muse"]}


def test_goods_have_paths_of_categories_and_some_have_a_description() -> None:
    brush: dict[str, object] = {
        "categories": [["Beauty", "Hair"], ["Tools"]],
        "description": " Soft. ",
        "brand": "Bo",
        "price": 3.5,
    }
    comb: dict[str, object] = {"categories": [["Beauty"]], "description": None, "brand": None, "price": None}
    goods = catalogue(("Brush", brush), ("Comb", comb))
    assert list(level_texts(goods)) == ["category", "title", "description"], "coarse to fine"
    assert level_texts(goods)["category"] == ["Beauty, Hair, Tools", "Beauty"]
    assert level_texts(goods)["description"] == ["Soft.", "unknown"]
    assert item_texts(goods) == ["Brush. Bo. Beauty, Hair, Tools. 3.5", "Comb. Beauty"]
