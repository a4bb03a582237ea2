"""A loop device for an image: read-only, and gone by itself with the last mount of it."""

from __future__ import annotations

import fcntl
import os
import stat
import struct
from pathlib import Path
from typing import Final

_CONTROL: Final = Path("/dev/loop-control")
_GET_FREE: Final = 0x4C82
_CONFIGURE: Final = 0x4C0A
_READ_ONLY, _AUTOCLEAR = 1, 4
_MAJOR: Final = 7
_TRIES: Final = 20


class NoLoop(Exception):
    """There is no loop device to be had."""


def open_device(image: int) -> tuple[int, str]:
    """Return an open loop device on an open image, and its path; it goes when nobody has it any more.

    Raises
    ------
    NoLoop
    """
    for _ in range(_TRIES):  # between the asking and the taking another may take it
        try:
            return _try(image)
        except FileNotFoundError as wrong:
            raise NoLoop(str(wrong)) from wrong
        except OSError as wrong:
            last = wrong
    raise NoLoop(str(last))


def _try(image: int) -> tuple[int, str]:
    control = os.open(_CONTROL, os.O_RDWR | os.O_CLOEXEC)
    try:
        number = fcntl.ioctl(control, _GET_FREE)
    finally:
        os.close(control)
    path = f"/dev/loop{number}"
    if not os.path.exists(path):  # a container's /dev does not grow by itself
        os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(_MAJOR, number))
    device = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.ioctl(device, _CONFIGURE, _configuration(image))
    except OSError:
        os.close(device)
        raise
    return device, path


def _configuration(image: int) -> bytearray:
    """Return the kernel's ``struct loop_config``: the image, and in its ``loop_info64`` the flags."""
    info = struct.pack("=5Q4I64s64s32s2Q", *[0] * 8, _READ_ONLY | _AUTOCLEAR, b"", b"", b"", 0, 0)
    return bytearray(struct.pack("=2I", image, 0) + info + bytes(64))
