"""Pictures of a notebook's outputs: those that are what they say, and small enough to show."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Final

#: The largest picture that is shown: encoded (characters), and in each direction (pixels).
MOST_ENCODED: Final = 2_800_000
_MOST_PIXELS: Final = 8_000

_PNG: Final = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
_JPEG: Final = b"\xff\xd8\xff"
#: Segments of JPEG that begin a frame and say how large it is (ITU T.81, table B.1).
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class Picture:
    """One that can be shown.

    Attributes
    ----------
    source
        A ``data:`` address, of bytes that were looked at and encoded again.
    width, height
        In pixels.
    """

    source: str
    width: int
    height: int


def picture(encoded: str) -> Picture | None:
    """Return a picture that base64 holds, if it is PNG or JPEG, whatever it was called."""
    if len(encoded) > MOST_ENCODED:
        return None
    try:
        content = b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    kind, size = _kind_and_size(content)
    if size is None or not all(0 < side <= _MOST_PIXELS for side in size):
        return None
    return Picture(f"data:image/{kind};base64,{b64encode(content).decode()}", *size)


def _kind_and_size(content: bytes) -> tuple[str, tuple[int, int] | None]:
    if content.startswith(_PNG):
        return "png", (int.from_bytes(content[16:20]), int.from_bytes(content[20:24]))
    if content.startswith(_JPEG):
        return "jpeg", _jpeg_size(content)
    return "", None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Return width and height, from the first frame's segment; nothing where none comes."""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if marker in _FRAMES:
            return int.from_bytes(content[at + 7 : at + 9]), int.from_bytes(content[at + 5 : at + 7])
        at += 2 + max(length, 2)
    return None
