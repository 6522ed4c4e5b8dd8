"""Response bodies, decompressed only up to the size of a chat completion."""

import zlib
from collections.abc import AsyncIterator

import httpx2

from ilora.baselines.chat.replies import UnreadableReplyError

#: Far more than any answer with the metadata that servers add.
LONGEST_BODY = 8 * 2**20

#: The requested encoding, and the encodings that some servers use nonetheless; zlib reads all of them.
NOT_PACKED, _PACKED = "identity", ("gzip", "x-gzip", "deflate")
_ANY_HEADER_OF_ZLIB = zlib.MAX_WBITS + 32


async def limit_body(response: httpx2.Response) -> None:
    """Limit a response to `LONGEST_BODY` bytes after decompression; an httpx2 event hook.

    Reading the response raises `UnreadableReplyError` if it is longer or cannot be decompressed.

    Raises:
        UnreadableReplyError: the response has an unsupported content encoding.
    """
    packing = response.headers.get("content-encoding", NOT_PACKED).strip().lower()
    if packing not in (NOT_PACKED, *_PACKED):
        raise UnreadableReplyError("a response with an unsupported content encoding")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _LimitedBody(response.stream, is_packed=packing != NOT_PACKED)
    # The stream is now decompressed.
    response.headers.pop("content-encoding", None)


class _LimitedBody(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, *, is_packed: bool) -> None:
        self._stream = stream
        self._unpacker = zlib.decompressobj(_ANY_HEADER_OF_ZLIB) if is_packed else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = LONGEST_BODY
        async for part in self._stream:
            unpacked = part if self._unpacker is None else self._unpacked(part, left + 1)
            left -= len(unpacked)
            if left < 0:
                raise UnreadableReplyError(f"a response of more than {LONGEST_BODY // 2**20} MiB")
            yield unpacked
        if self._unpacker is not None and not self._unpacker.eof:
            raise UnreadableReplyError("a compressed response that is truncated")

    async def aclose(self) -> None:
        await self._stream.aclose()

    def _unpacked(self, part: bytes, most: int) -> bytes:
        assert self._unpacker is not None
        try:
            return self._unpacker.decompress(part, most)
        except zlib.error:
            raise UnreadableReplyError("a compressed response that is damaged") from None
