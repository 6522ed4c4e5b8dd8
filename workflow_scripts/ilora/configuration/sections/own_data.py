"""`data.own`: data sets of the user's own."""

from __future__ import annotations

from pydantic import Field

from ilora.configuration.section import Section
from ilora.configuration.types import Column, Count, Separator, TableFile, Text, Words
from ilora.data.tabular import Timestamps


class OwnColumns(Section):
    """Columns of the files of a data set of one's own: names (RecBole's `user_id:token` is `user_id`) or numbers."""

    user: Column = Field("user_id", description="in interactions: who")
    item: Column = Field("item_id", description="in interactions: used what")
    timestamp: Column = Field("timestamp", description="in interactions: when")
    rating: Column = Field("rating", description="in interactions: how good it was; read with a minimum_rating only")
    item_id: Column = Field("item_id", description="in items: the id that interactions use")
    title: Column = Field("title", description="in items: as it will stand in a prompt")
    split_user: Column = Field("user_id", description="in splits: the user's id, as in interactions")
    split: Column = Field("split", description="in splits: train, val or test")


class OwnWords(Section):
    """What a prompt says about the items: "The user has read these books" and "Which does the user read next?"."""

    items: Words = Field("items", description="what the items are called, in the plural")
    participle: Words = Field("chosen", description="what a user has done with them")
    verb: Words = Field("choose", description="what a user does with one")


class OwnDataset(Section):
    """A data set of one's own: a file of interactions and a file of titles (CSV, TSV, Parquet, RecBole's atomic)."""

    interactions: TableFile = Field(description="file with a row for each time that a user used an item")
    items: TableFile = Field(description="file with a row for each item; may be the same one")
    splits: TableFile | None = Field(
        None,
        description="file that names the split of each user, for protocol released; may be that of interactions; null "
        "for none",
    )
    columns: OwnColumns = OwnColumns()
    timestamps: Timestamps = Field(
        "seconds", description="what the times are: a number of these units since 1970, or dates in ISO 8601"
    )
    encoding: Text = Field("utf-8", description="of text files")
    separator: Separator | None = Field(
        None,
        description="what stands between the fields of text files, such as '::'; null for that of the suffix: a comma "
        "in .csv, a tab in .tsv, .inter and .item",
    )
    header: bool = Field(
        True,
        description="whether text files begin with the names of the columns; without them, columns are numbers, the "
        "first one 1",
    )
    minimum_rating: float | None = Field(None, description="ratings below this are no interaction; null for none")
    minimum_users_per_item: Count = Field(1, description="items with fewer users are dropped, until none is left")
    minimum_items_per_user: Count = Field(1, description="users with fewer items are dropped, until none is left")
    words: OwnWords = OwnWords()
