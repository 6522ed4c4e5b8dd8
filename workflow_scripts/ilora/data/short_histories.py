"""Cuts held-out histories to their last items, as if their users had just come; training windows stay as they are."""

import pyarrow as pa
import pyarrow.compute as pc


def cut_histories(sequences: pa.Table, length: int) -> pa.Table:
    """Return the sequences with the histories of validation and test cut to their last items.

    Args:
        sequences: table of schema `SEQUENCES`.
        length: items that such a history keeps, at least 1; shorter ones stay as they are.

    Returns:
        A table of schema `SEQUENCES` with the same rows in the same order.
    """
    is_training = pc.equal(sequences["split"], "train").to_pylist()
    histories = [
        history if whole else history[-length:]
        for history, whole in zip(sequences["history"].to_pylist(), is_training, strict=True)
    ]
    column = sequences.schema.get_field_index("history")
    field = sequences.schema.field(column)
    return sequences.set_column(column, field, pa.array(histories, field.type))
