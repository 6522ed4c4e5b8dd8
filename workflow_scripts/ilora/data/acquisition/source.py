"""Where a data set comes from: addresses, checksums, limits, terms of use and citations."""

from dataclasses import dataclass

MEGABYTE = 1000 * 1000
GIGABYTE = 1000 * MEGABYTE


@dataclass(frozen=True)
class RawFile:
    """One raw file that a reader needs.

    Attributes:
        name: file name that the reader expects.
        maximum_bytes: upper bound on the size of any published version, uncompressed.
        member: path inside the archive; empty for a file that is not in an archive.
    """

    name: str
    maximum_bytes: int
    member: str = ""


@dataclass(frozen=True)
class Download:
    """One file on a server: a zip archive that contains raw files, or a gzip file that is read without unpacking.

    Attributes:
        address: address to download from.
        maximum_bytes: upper bound on the size of the download.
        files: the raw files that it provides; for a gzip file exactly one, itself.
        sha256: SHA-256 of the download in hexadecimal; empty if no published one is known. Then that of the first
            download is recorded (see `ilora.data.acquisition.lock`).
        first_line_holds: strings that the first line of a gzip file must contain, so that a wrong file is not recorded
            as the right one.
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
        """Whether raw files must be extracted from it."""
        return any(file.member for file in self.files)


@dataclass(frozen=True)
class DatasetSource:
    """Where a data set comes from, and its terms of use.

    Attributes:
        title: full name of the data set.
        page: web page of its publishers.
        downloads: files to download.
        terms: summary of the publishers' terms, which are authoritative.
        citations: publications to cite when it is used.
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
            "Summary of the terms of use (the publishers' own terms are authoritative):",
            *(f"  - {term}" for term in source.terms),
            "Please cite:",
            *(f"  - {citation}" for citation in source.citations),
        ]
    )
