"""The data sets that can be fetched: addresses, checksums, limits, terms of use and citations."""

from dataclasses import dataclass

_MEGABYTE = 1000 * 1000
_GIGABYTE = 1000 * _MEGABYTE


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


_MOVIELENS = DatasetSource(
    title="MovieLens-100K (GroupLens)",
    page="https://grouplens.org/datasets/movielens/100k/",
    downloads=(
        Download(
            address="https://files.grouplens.org/datasets/movielens/ml-100k.zip",
            sha256="50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
            maximum_bytes=50 * _MEGABYTE,
            files=(
                RawFile("u.data", maximum_bytes=20 * _MEGABYTE, member="ml-100k/u.data"),
                RawFile("u.item", maximum_bytes=20 * _MEGABYTE, member="ml-100k/u.item"),
            ),
        ),
    ),
    terms=(
        "For research. Publications that use the data acknowledge it.",
        "No endorsement by the University of Minnesota or GroupLens may be stated or implied.",
        "The data may not be passed on without separate permission.",
        "Commercial or revenue-bearing use needs permission from a faculty member of GroupLens.",
        "There is no warranty of correctness or fitness.",
    ),
    citations=(
        "F. Maxwell Harper and Joseph A. Konstan. 2015. The MovieLens Datasets: History and Context. "
        "ACM Transactions on Interactive Intelligent Systems 5, 4, Article 19. https://doi.org/10.1145/2827872",
    ),
)

_LASTFM = DatasetSource(
    title="HetRec 2011 Last.FM 2K (Information Retrieval Group, Universidad Autónoma de Madrid; hosted by GroupLens)",
    page="https://grouplens.org/datasets/hetrec-2011/",
    downloads=(
        Download(
            address="https://files.grouplens.org/datasets/hetrec2011/hetrec2011-lastfm-2k.zip",
            # Its md5 is 296d61afe4e8632b173fc2dd3be20ce2.
            sha256="6738f48195667ff03caaab4d32ca9a3133d8cc026b7c3cdaf6ce1010e913c59c",
            maximum_bytes=50 * _MEGABYTE,
            files=tuple(
                RawFile(name, maximum_bytes=50 * _MEGABYTE, member=name)
                for name in ("artists.dat", "user_taggedartists.dat", "user_taggedartists-timestamps.dat")
            ),
        ),
    ),
    terms=(
        "For non-commercial use; whoever wants to use it commercially asks Last.fm, whose terms of service hold.",
        "Publications that use the data name Last.fm (https://www.last.fm) as its source.",
    ),
    citations=(
        "Iván Cantador, Peter Brusilovsky and Tsvi Kuflik. 2011. Second Workshop on Information Heterogeneity and "
        "Fusion in Recommender Systems (HetRec 2011). In Proceedings of the 5th ACM Conference on Recommender "
        "Systems (RecSys 2011), 387-388. https://doi.org/10.1145/2043932.2044016",
    ),
)

_STEAM = DatasetSource(
    title="Steam Video Game and Bundle Data, version 2 (McAuley Lab, UC San Diego)",
    page="https://cseweb.ucsd.edu/~jmcauley/datasets.html#steam_data",
    downloads=(
        # The small file first: what fails is better known before the large one has been fetched.
        Download(
            address="https://cseweb.ucsd.edu/~wckang/steam_games.json.gz",
            sha256="717f4653a26585fec8f463f59311a654127c2ed66b07b9f78b4c0ce64961c740",
            maximum_bytes=100 * _MEGABYTE,
            files=(RawFile("steam_games.json.gz", maximum_bytes=_GIGABYTE),),
        ),
        Download(
            address="https://cseweb.ucsd.edu/~wckang/steam_reviews.json.gz",
            maximum_bytes=4 * _GIGABYTE,
            files=(RawFile("steam_reviews.json.gz", maximum_bytes=16 * _GIGABYTE),),
            first_line_holds=(b"username", b"product_id"),
        ),
    ),
    terms=(
        "Its page states no licence; it asks those who use the data to cite the publications below.",
        "The reviews are their authors', and Steam's terms hold for them: do not pass the data on.",
    ),
    citations=(
        "Wang-Cheng Kang and Julian McAuley. 2018. Self-Attentive Sequential Recommendation. In IEEE International "
        "Conference on Data Mining (ICDM 2018), 197-206. https://doi.org/10.1109/ICDM.2018.00035",
        "Mengting Wan and Julian McAuley. 2018. Item Recommendation on Monotonic Behavior Chains. In Proceedings of "
        "the 12th ACM Conference on Recommender Systems (RecSys 2018), 86-94. "
        "https://doi.org/10.1145/3240323.3240369",
        "Apurva Pathak, Kshitiz Gupta and Julian McAuley. 2017. Generating and Personalizing Bundle Recommendations "
        "on Steam. In Proceedings of the 40th International ACM SIGIR Conference (SIGIR 2017), 1073-1076. "
        "https://doi.org/10.1145/3077136.3080724",
    ),
)

#: Data set -> where it comes from.
SOURCES: dict[str, DatasetSource] = {"movielens": _MOVIELENS, "lastfm": _LASTFM, "steam": _STEAM}


def source_of(dataset: str) -> DatasetSource:
    """Return where `dataset` comes from.

    Raises:
        ValueError: it is none of those that can be fetched.
    """
    if dataset not in SOURCES:
        raise ValueError(
            f"The data set '{dataset}' cannot be fetched, only {', '.join(SOURCES)} can. "
            "Name a folder that holds its files as its source."
        )
    return SOURCES[dataset]


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
