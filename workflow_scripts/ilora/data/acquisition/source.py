"""Where a data set comes from: addresses, checksums, limits, terms of use and citations."""

from dataclasses import dataclass

MEGABYTE = 1000 * 1000
GIGABYTE = 1000 * MEGABYTE


@dataclass(frozen=True)
class RawFile:
    """One raw file that a reader asks for.

    Attributes:
        name: under which the reader finds it.
        maximum_bytes: no published version is larger, unpacked where it is compressed.
        member: its path inside the archive; empty where it is no part of one.
    """

    name: str
    maximum_bytes: int
    member: str = ""


@dataclass(frozen=True)
class Download:
    """One file on a server: a zip archive with raw files in it, or a gzip file that is read as it is.

    Attributes:
        address: from which it is fetched.
        maximum_bytes: what is longer is not downloaded.
        files: the raw files that it gives. A gzip file gives exactly one, itself.
        sha256: of the download, in hexadecimal; empty where no published one is known. Then the first download's
            is recorded (see `ilora.data.acquisition.lock`).
        first_line_holds: what the first line of a gzip file contains, unpacked, so that a wrong file is not
            recorded as the right one.
    """

    address: str
    maximum_bytes: int
    files: tuple[RawFile, ...]
    sha256: str = ""
    first_line_holds: tuple[bytes, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the address."""
        return self.address.rpartition("/")[2]

    @property
    def is_archive(self) -> bool:
        """Whether raw files have to be taken out of it."""
        return any(file.member for file in self.files)


@dataclass(frozen=True)
class DatasetSource:
    """Where a data set comes from, and on what terms.

    Attributes:
        title: its full name.
        page: the web page of its publishers.
        downloads: what is fetched.
        terms: the publishers' conditions, in our words; theirs hold.
        citations: the publications to cite when it is used.
    """

    title: str
    page: str
    downloads: tuple[Download, ...]
    terms: tuple[str, ...]
    citations: tuple[str, ...]

    @property
    def file_names(self) -> tuple[str, ...]:
        """The names of all raw files."""
        return tuple(file.name for download in self.downloads for file in download.files)


def terms_of_use(source: DatasetSource) -> str:
    """Return the terms of a data set and what to cite, as lines of text."""
    return "\n".join(
        [
            f"{source.title}, {source.page}",
            "Terms of use, in short (those that the publishers state hold):",
            *(f"  - {term}" for term in source.terms),
            "Please cite:",
            *(f"  - {citation}" for citation in source.citations),
        ]
    )
