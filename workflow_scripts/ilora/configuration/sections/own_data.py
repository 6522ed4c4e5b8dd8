"""`data.own`: data sets of the user's own."""

from __future__ import annotations

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Column, Count, Separator, TableFile, Text, Words
from ilora.data.tabular import Timestamps


class OwnColumns(Section):
    """Columns of the user's files, by name (`user_id` for RecBole's `user_id:token`) or by number."""

    user: Column = Field("user_id", description="in interactions: the user")
    item: Column = Field("item_id", description="in interactions: the item")
    timestamp: Column = Field("timestamp", description="in interactions: the time")
    rating: Column = Field("rating", description="in interactions: the rating; read only if minimum_rating is set")
    item_id: Column = Field("item_id", description="in items: the item's id, as in interactions")
    title: Column = Field("title", description="in items: the title, as prompts show it")
    split_user: Column = Field("user_id", description="in splits: the user's id, as in interactions")
    split: Column = Field("split", description="in splits: train, val or test")


class OwnWords(Section):
    """Words for the items in prompts: "The user has read these books" and "Which does the user read next?"."""

    items: Words = Field("items", description="plural noun for the items")
    participle: Words = Field("chosen", description="past participle of what users do with items")
    verb: Words = Field("choose", description="verb for what users do with an item")


class OwnDataset(Section):
    """The user's own data set: a file of interactions and a file of titles (CSV, TSV, Parquet, RecBole's atomic)."""

    interactions: TableFile = Field(description="file with one row per interaction")
    items: TableFile = Field(description="file with one row per item; may be the file of interactions")
    splits: TableFile | None = Field(
        None,
        description="file with the split of each user, for protocol released; may be the file of interactions; null "
        "for none",
    )
    columns: OwnColumns = OwnColumns()
    timestamps: Timestamps = Field(
        "seconds", description="format of the times: a number of these units since 1970, or dates in ISO 8601"
    )
    encoding: Text = Field("utf-8", description="encoding of text files")
    separator: Separator | None = Field(
        None,
        description="separator of the fields of text files, such as '::'; null for that of the suffix: a comma in "
        ".csv, a tab in .tsv, .inter and .item",
    )
    header: bool = Field(
        True,
        description="whether text files begin with a line of column names; if not, columns are given by number, from 1",
    )
    minimum_rating: float | None = Field(None, description="ratings below this are not interactions; null for none")
    minimum_users_per_item: Count = Field(1, description="items with fewer users are dropped, repeatedly (k-core)")
    minimum_items_per_user: Count = Field(1, description="users with fewer items are dropped, repeatedly (k-core)")
    words: OwnWords = OwnWords()
