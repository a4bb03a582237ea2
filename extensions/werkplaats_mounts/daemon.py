"""The socket: who asks is what the kernel says, and nobody can keep others from being heard."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import pwd
import socket
import struct
from collections import Counter
from pathlib import Path
from typing import Any, Final

from werkplaats_mounts import asked
from werkplaats_mounts.acts import Acts, Caller
from werkplaats_mounts.sentences import say

_log = logging.getLogger(__name__)
#: Connections of one person at once, and how long each may say nothing (s).
_MOST: Final = 16
_QUIET_SECONDS: Final = 60.0
_CREDENTIALS: Final = struct.Struct("3i")


class Daemon:
    """Answers connections, line by line."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._open: Counter[int] = Counter()

    async def listen(self, path: Path) -> asyncio.Server:
        """Listen on a Unix socket that everybody may use."""
        path.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self.serve, path, limit=asked.MOST_BYTES)
        os.chmod(path, 0o666)  # noqa: S103  # everybody may ask: who it is the kernel says
        return server

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it closes, or says nothing for long."""
        with contextlib.suppress(ConnectionError, TimeoutError, ValueError, KeyError):
            caller = _caller(writer)
            self._open[caller.uid] += 1
            try:
                await self._serve(caller, reader, writer)
            finally:
                self._open[caller.uid] -= 1
        writer.close()

    async def _serve(
        self, caller: Caller, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._open[caller.uid] > _MOST:
            await _say(writer, {"trouble": "crowded", "message": say("crowded", "en")})
            return
        while line := await asyncio.wait_for(reader.readline(), _QUIET_SECONDS):
            await _say(writer, await self._answer(line, caller))

    async def _answer(self, line: bytes, caller: Caller) -> dict[str, Any]:
        try:
            # Who goes away in the midst does not leave half of it behind.
            return await asyncio.shield(self._acts.answer(line, caller))
        except Exception:
            _log.exception("a message of %s could not be answered", caller.name)
            return {"trouble": "failed", "message": say("failed", "en")}


async def _say(writer: asyncio.StreamWriter, answer: dict[str, Any]) -> None:
    writer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
    await asyncio.wait_for(writer.drain(), _QUIET_SECONDS)


def _caller(writer: asyncio.StreamWriter) -> Caller:
    """Return whose process is at the other end.

    Raises
    ------
    KeyError
        Where the number is nobody's on this machine.
    """
    connection = writer.get_extra_info("socket")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(credentials)
    return Caller(uid, pwd.getpwuid(uid).pw_name)
