"""The declaration DOCUMENT of each module of `ilora.tables` and `ilora.pages`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ilora.reporting.declaration import Declaration, Given, declarations, declared

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["tables", "pages"]


@dataclass(frozen=True, kw_only=True)
class Document(Declaration):
    """A table or a page; `make` returns its content by format: a table for "parquet", otherwise a text."""

    make: Callable[[Given], Mapping[str, pa.Table | str]]


def documents(kind: Kind) -> dict[str, Document]:
    """Return every table, or every page, by name."""
    return declarations(f"ilora.{kind}", "DOCUMENT")


def document(kind: Kind, name: str) -> Document:
    """Return one table or page."""
    return declared(f"ilora.{kind}", "DOCUMENT", name)
