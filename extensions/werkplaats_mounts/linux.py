"""The kernel's calls for mounts, which Python does not have; each raises OSError and does one thing.

Numbers of calls are the same on every architecture since Linux 5.1, from which most of these are.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
from pathlib import Path
from typing import Final

_OPEN_TREE: Final = 428
_MOVE_MOUNT: Final = 429
_FSOPEN: Final = 430
_FSCONFIG: Final = 431
_FSMOUNT: Final = 432
_OPENAT2: Final = 437
_MOUNT_SETATTR: Final = 442

_AT_EMPTY_PATH: Final = 0x1000
_OPEN_TREE_CLONE: Final = 1
_MOVE_MOUNT_F_EMPTY_PATH: Final = 0x4
_MOVE_MOUNT_T_EMPTY_PATH: Final = 0x40
_FSCONFIG_SET_FLAG: Final = 0
_FSCONFIG_SET_STRING: Final = 1
_FSCONFIG_CMD_CREATE: Final = 6
_RESOLVE: Final = 0x02 | 0x04 | 0x08  # no magic links, no symlinks, beneath

_RDONLY, _NOSUID, _NODEV, _NOEXEC, _NOSYMFOLLOW = 0x1, 0x2, 0x4, 0x8, 0x200000
_FENCED: Final = _RDONLY | _NOSUID | _NODEV | _NOEXEC | _NOSYMFOLLOW
_MS_PRIVATE: Final = 1 << 18

_MNT_DETACH: Final = 2
_UMOUNT_NOFOLLOW: Final = 8

#: Older than the numbers that are the same everywhere; without it each thread is looked at.
_KCMP: Final = {"x86_64": 312, "aarch64": 272}
_KCMP_FILES, _KCMP_FS = 2, 3

_CLONE_NEWNS: Final = 0x00020000
_NS_GET_NSTYPE: Final = 0xB703

#: What the options of a mount say when it was fenced.
FENCED: Final = frozenset({"ro", "nosuid", "nodev", "noexec", "nosymfollow"})

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def _done(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def open_beneath(folder: int, path: str, flags: int) -> int:
    """Open a path below an open folder; a symbolic link or ``..`` anywhere in it is an error (openat2)."""
    how = _OpenHow(flags | os.O_CLOEXEC, 0, _RESOLVE)
    size = ctypes.c_size_t(ctypes.sizeof(how))
    return _done(_libc.syscall(_OPENAT2, folder, path.encode(), ctypes.byref(how), size), f"openat2 {path}")


def clone(folder: int) -> int:
    """Return a mount of an open folder that is attached nowhere yet (open_tree)."""
    flags = _OPEN_TREE_CLONE | _AT_EMPTY_PATH | os.O_CLOEXEC
    return _done(_libc.syscall(_OPEN_TREE, folder, b"", flags), "open_tree")


def image(kind: str, device: str) -> int:
    """Return a mount of a file system on a device, read-only and attached nowhere yet (fsmount)."""
    context = _done(_libc.syscall(_FSOPEN, kind.encode(), 1), f"fsopen {kind}")
    try:
        configure = _libc.syscall
        _done(configure(_FSCONFIG, context, _FSCONFIG_SET_FLAG, b"ro", None, 0), "fsconfig ro")
        source = (_FSCONFIG_SET_STRING, b"source", device.encode(), 0)
        _done(configure(_FSCONFIG, context, *source), f"fsconfig {device}")
        _done(configure(_FSCONFIG, context, _FSCONFIG_CMD_CREATE, None, None, 0), f"mounting {device}")
        return _done(configure(_FSMOUNT, context, 1, _FENCED & ~_NOSYMFOLLOW), "fsmount")
    finally:
        os.close(context)


def fence(mount: int) -> None:
    """Make a mount read-only, without devices, programs and symbolic links, and private (mount_setattr)."""
    attributes = _MountAttr(_FENCED, 0, _MS_PRIVATE, 0)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    call = (_MOUNT_SETATTR, mount, b"", _AT_EMPTY_PATH, ctypes.byref(attributes), size)
    _done(_libc.syscall(*call), "mount_setattr")


def attach(mount: int, folder: int) -> None:
    """Put a mount on an open folder (move_mount)."""
    flags = _MOVE_MOUNT_F_EMPTY_PATH | _MOVE_MOUNT_T_EMPTY_PATH
    _done(_libc.syscall(_MOVE_MOUNT, mount, b"", folder, b"", flags), "move_mount")


def detach(path: str, *, lazily: bool) -> None:
    """Take the mount at a path away; lazily also where something is open in it (umount2)."""
    flags = _UMOUNT_NOFOLLOW | (_MNT_DETACH if lazily else 0)
    _done(_libc.umount2(path.encode(), flags), f"umount2 {path}")


def enter(namespace: int) -> None:
    """Go into an open mount namespace: root and working folder are its own then (setns).

    Raises
    ------
    OSError
        Also where the descriptor is no mount namespace.
    """
    if fcntl.ioctl(namespace, _NS_GET_NSTYPE) != _CLONE_NEWNS:
        raise OSError("not a mount namespace")
    _done(_libc.setns(namespace, _CLONE_NEWNS), "setns")


def same_files(one: int, other: int) -> bool:
    """Return whether two threads have open files, working folder and root in common (kcmp)."""
    number = _KCMP.get(os.uname().machine)
    return number is not None and all(
        _libc.syscall(number, one, other, what, ctypes.c_ulong(0), ctypes.c_ulong(0)) == 0
        for what in (_KCMP_FILES, _KCMP_FS)
    )


def mount_id(descriptor: int) -> int:
    """Return the number of the mount that an open file is in."""
    return mount_of(Path(f"/proc/self/fdinfo/{descriptor}").read_text())


def mount_of(fdinfo: str) -> int:
    r"""Return the number of the mount from a file of ``/proc/PID/fdinfo``; 0 when it says none.

    >>> mount_of("pos:\t0\nflags:\t0100000\nmnt_id:\t67\nino:\t9\n")
    67
    """
    _, _, rest = fdinfo.partition("mnt_id:")
    words = rest.split(None, 1)
    return int(words[0]) if words else 0
