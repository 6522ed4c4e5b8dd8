"""Parquet tables, written atomically and reproducibly, and verified when read."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ilora.artifacts.errors import damaged, missing
from ilora.artifacts.records import check_file
from ilora.artifacts.writing import atomic_path


def write_table(table: pa.Table, path: str | os.PathLike[str]) -> None:
    """Write `table` to `path` atomically; the same rows give the same bytes, independent of chunking.

    Every page has a checksum, which `read_table` verifies.

    Raises:
        ValueError: a column that its schema declares as not nullable contains nulls; nothing is written.
    """
    for field, column in zip(table.schema, table.columns, strict=True):
        if not field.nullable and column.null_count:
            raise ValueError(
                f"{path}: column '{field.name}' contains {column.null_count} nulls, but its schema allows none."
            )
    with atomic_path(path) as temporary:
        pq.write_table(table.combine_chunks(), temporary, compression="zstd", write_page_checksum=True)


def read_table(path: str | os.PathLike[str], schema: pa.Schema | None = None) -> pa.Table:
    """Read the table at `path`, and check that it is complete and has the given schema, if any.

    Args:
        path: a Parquet file.
        schema: exactly the columns that the file must have, with their types, in any order.

    Returns:
        The table; if `schema` is given, with its columns in the schema's order.

    Raises:
        FileNotFoundError: there is no file at `path`.
        ArtifactError: the file is truncated or altered, its columns or types are not those of `schema`, or a column
            that is not nullable contains nulls.
    """
    table = _read(Path(path))
    return table if schema is None else _conform(table, schema, Path(path))


def read_extended_table(path: str | os.PathLike[str], schema: pa.Schema) -> pa.Table:
    """Read a table that has the columns of `schema`, with their types, and may have further columns.

    It raises the same errors as `read_table`.
    """
    table = _read(Path(path))
    known = [name for name in table.schema.names if name in schema.names]
    _conform(table.select(known), schema, Path(path))
    return table


def _read(path: Path) -> pa.Table:
    if not path.is_file():
        raise missing(path)
    check_file(path)
    try:
        table = pq.ParquetFile(path, page_checksum_verification=True).read(use_threads=False)
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise damaged(path, f"is not a whole Parquet file ({_first_line(error)})") from error
    return table


def _conform(table: pa.Table, schema: pa.Schema, path: Path) -> pa.Table:
    if set(table.schema.names) != set(schema.names) or len(table.schema.names) != len(schema.names):
        raise damaged(path, f"has the columns {table.schema.names}, expected {schema.names}")
    for field in schema:
        found = table.schema.field(field.name).type
        if found != field.type:
            raise damaged(path, f"column '{field.name}' is of type {found}, expected {field.type}")
        nulls = table.column(field.name).null_count
        if nulls and not field.nullable:
            raise damaged(path, f"column '{field.name}' contains {nulls} nulls, expected none")
    return table.select(schema.names).cast(schema)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
