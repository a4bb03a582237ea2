"""The audit's socket: who asks is what the kernel says, and nobody keeps another waiting.

What is written is written one after another in a thread of its own, so that a slow disk holds up no
connection that has nothing to do with it, and a client that hangs holds up nobody. What is read, is read
elsewhere: however much that is, what is to be written does not wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import pwd
import signal
import socket
import struct
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from werkplaats_audit.events import MOST_LINE, Source
from werkplaats_audit.keeper import Keeper, Reading, trouble

_log = logging.getLogger(__name__)

#: How many connections one user may have at once.
MOST_CONNECTIONS: Final = 32
#: How many answers are read from the journal at once; the others wait their turn. Python computes in one
#: thread at a time: two would bring no more, and be twice as much in the way of what is written.
READERS: Final = 1
#: How long a connection may say nothing, and how long it may take to take an answer (s).
IDLE: Final = 10.0
_CREDENTIALS: Final = struct.Struct("3i")


class Service:
    """Listens, and hands each line to the keeper.

    Parameters
    ----------
    desk
        The uid of the desk; beside it root alone is listened to.
    """

    def __init__(self, keeper: Keeper, desk: int, idle: float = IDLE) -> None:
        self._keeper, self._idle = keeper, idle
        self._sources: dict[int, Source] = {0: "mounts", desk: "desk"}
        self._connections: Counter[Source] = Counter()
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._readers = ThreadPoolExecutor(max_workers=READERS)

    async def run(self, path: Path) -> None:
        """Serve until told to end (SIGTERM); what was begun to be written is written."""
        path.unlink(missing_ok=True)
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        server = await asyncio.start_unix_server(self._serve, path, limit=MOST_LINE, backlog=256)
        path.chmod(0o666)  # the folder says who reaches it, and the kernel who it was
        _log.info("listening at %s", path)
        await ended.wait()
        server.close()
        self._readers.shutdown(wait=True, cancel_futures=True)
        self._writer.shutdown(wait=True)
        self._keeper.close()
        path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = self._sources.get(_peer(writer))
        try:
            if source is None:
                sentence = "the audit listens to the desk and to root alone"
                await self._say(writer, _line(trouble("not-yours", sentence)))
            elif self._connections[source] >= MOST_CONNECTIONS:
                await self._say(writer, _line(trouble("busy", "too many connections at once; ask again")))
            else:
                self._connections[source] += 1
                try:
                    await self._converse(source, reader, writer)
                finally:
                    self._connections[source] -= 1
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # it went away, or said nothing for too long
        finally:
            writer.transport.abort()

    async def _converse(
        self, source: Source, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            try:
                line = await asyncio.wait_for(reader.readuntil(b"\n"), self._idle)
            except asyncio.LimitOverrunError:
                sentence = f"a line has at most {MOST_LINE} bytes"
                await self._say(writer, _line(trouble("too-large", sentence)))
                return
            await self._say(writer, await self._answer(source, line))

    async def _answer(self, source: Source, line: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        answer = await loop.run_in_executor(self._writer, self._keeper.answer, source, line)
        if callable(answer):
            return await loop.run_in_executor(self._readers, _read, answer)
        return _line(answer)

    async def _say(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(answer)
        await asyncio.wait_for(_flushed(writer), self._idle)


def _read(reading: Reading) -> bytes:
    return _line(reading())


def _line(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer, ensure_ascii=False).encode() + b"\n"


async def _flushed(writer: asyncio.StreamWriter) -> None:
    """Wait until the kernel has all of it: what follows may close the connection."""
    writer.transport.set_write_buffer_limits(high=0)
    with contextlib.suppress(ConnectionError):
        await writer.drain()


def _peer(writer: asyncio.StreamWriter) -> int:
    """Return the uid of who connected."""
    connection: socket.socket = writer.get_extra_info("socket")
    held = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    uid: int = _CREDENTIALS.unpack(held)[1]
    return uid


def uid_of(user: str) -> int:
    """Return the number of a system user; never root's."""
    uid = pwd.getpwnam(user).pw_uid
    if uid in (0, os.getuid()):
        raise SystemExit(f"{user} is root or the audit itself; the desk must have a user of its own.")
    return uid
