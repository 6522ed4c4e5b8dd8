"""Chunked reading of the lines of a gzip file; the next chunk is decompressed while the caller works on this one.

At most a few chunks are in memory at a time, whatever the size of the file.
"""

import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ilora.data.raw import RawDataError

_COMPRESSED_BYTES_PER_READ = 1 << 18
_BYTES_PER_CHUNK = 1 << 21
_LONGEST_LINE = 1 << 26  # bytes; without a limit, a file without line ends would be read into memory as a whole
_GZIP_FORMAT = 16 + zlib.MAX_WBITS  # zlib expects a gzip header and verifies the checksum


def read_line_chunks(path: Path) -> Iterator[bytes]:
    """Yield the decompressed bytes of `path` in chunks of whole lines, each with its line feed.

    The last line gets a line feed if it has none. A chunk is about 2 MB.

    Raises:
        FileNotFoundError: there is no file at `path`.
        RawDataError: the file is not a gzip file, or is truncated or damaged, or a line is longer than 64 MiB. It is
            raised where the problem occurs, after the preceding chunks have been yielded.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file. Check the folder given as this data set's source.")
    rest = b""
    for chunk in _one_ahead(_decompressed(path)):
        end = chunk.rfind(b"\n") + 1
        if end:
            yield rest + chunk[:end]
            rest = chunk[end:]
        else:
            rest += chunk
        if len(rest) > _LONGEST_LINE:
            raise RawDataError(
                f"{path}: contains a line of more than {_LONGEST_LINE >> 20} MiB, so it is not a file with one record"
                " per line. Check that it is the file from the data set's page."
            )
    if rest:
        yield rest + b"\n"


def _one_ahead(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the items of `chunks`, preparing the next one in a thread (zlib releases the GIL)."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        coming = thread.submit(next, chunks, None)
        while (chunk := coming.result()) is not None:
            coming = thread.submit(next, chunks, None)
            yield chunk


def _decompressed(path: Path) -> Iterator[bytes]:
    """Yield the file's content; a gzip file may consist of several concatenated streams."""
    stream = zlib.decompressobj(_GZIP_FORMAT)
    with path.open("rb") as file:
        try:
            compressed = file.read(_COMPRESSED_BYTES_PER_READ)
            while compressed:
                if chunk := stream.decompress(compressed, _BYTES_PER_CHUNK):
                    yield chunk
                compressed = stream.unused_data if stream.eof else stream.unconsumed_tail
                compressed = compressed or file.read(_COMPRESSED_BYTES_PER_READ)
                if stream.eof and compressed:
                    stream = zlib.decompressobj(_GZIP_FORMAT)
        except zlib.error as error:
            raise RawDataError(
                f"{path}: is not a gzip file, or is damaged ({error}). Delete it and download it again."
            ) from error
    if not stream.eof:
        raise RawDataError(f"{path}: the gzip stream is incomplete (truncated?). Delete it and download it again.")
