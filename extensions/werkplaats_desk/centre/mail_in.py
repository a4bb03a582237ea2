"""Mail on its way in: the socket on which this machine's mail server hands replies over (LMTP, RFC 2033).

The socket lies in a folder that only that server's group may pass. A mail is answered for when it stands in
the database; while that is away the server keeps it, and tries again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from typing import Final

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from werkplaats_desk.centre import reply_address
from werkplaats_desk.centre.incoming import Inward
from werkplaats_desk.desk import Desk

_log = logging.getLogger(__name__)

#: The largest mail (bytes); a larger one is refused with 552.
MOST_BYTES: Final = 10 * 1024 * 1024
#: How often it is looked whether the socket is where it should be (s).
_EVERY: Final = 5.0
#: The most mails at once; each may hold its bytes a few times over.
_MOST_AT_ONCE: Final = 4


class MailIn:
    """A thread that listens.

    Parameters
    ----------
    every
        How often it looks whether the socket is where it should be (s).
    """

    def __init__(self, desk: Desk, every: float = _EVERY) -> None:
        self._desk, self._every = desk, every
        self._path: Path | None = None
        self._server: asyncio.Server | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mail-in", daemon=True)

    def start(self) -> None:
        """Begin."""
        # It writes every command down, and with it the addresses that let somebody write in a ticket.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        self._thread.start()

    def stop(self) -> None:
        """End; a mail that is being handed over is handed over again later."""
        self._over.set()

    def _work(self) -> None:
        asyncio.run(self._listen())

    async def _listen(self) -> None:
        while not self._over.is_set():
            try:
                await self._look()
            except Exception as wrong:  # what listens goes on, and the next look may go well
                self._trouble(f"{type(wrong).__name__}: {wrong}")
            await asyncio.to_thread(self._over.wait, self._every)
        self._close()

    async def _look(self) -> None:
        """See to it that it listens where it should, or nowhere."""
        wanted = self._wanted()
        if wanted is not None and wanted == self._path and wanted.is_socket():
            self._desk.problems.pop("mail-in", None)
            return
        self._close()
        self._server = await self._open(wanted) if wanted else None
        self._path = wanted if self._server else None

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = self._path = None

    def _wanted(self) -> Path | None:
        told = self._desk.settings.help
        if told is None or told.mail is None or told.mail.incoming is None:
            self._desk.problems.pop("mail-in", None)
            return None
        if not reply_address.takes_replies(told.mail):
            self._trouble(f"{told.mail.key_file} cannot be read; run `make up`")
            return None
        return told.mail.incoming

    def _trouble(self, what: str) -> None:
        if self._desk.problems.get("mail-in") != what:
            self._desk.problems["mail-in"] = what
            _log.error("mail cannot come in: %s", what)

    async def _open(self, path: Path) -> asyncio.Server | None:
        loop = asyncio.get_running_loop()
        handler = _Handler(Inward(self._desk))

        def one() -> LMTP:
            return LMTP(
                handler, data_size_limit=MOST_BYTES, enable_SMTPUTF8=True, hostname="werkplaats",
                ident="LMTP", loop=loop,
            )  # fmt: skip

        try:
            if path.parent.stat().st_mode & 0o007:
                raise PermissionError(f"everybody may pass {path.parent}; run `make up`")
            server = await loop.create_unix_server(one, path)
            path.chmod(0o666)  # the folder says who may come here
        except OSError as wrong:
            self._trouble(str(wrong))
            return None
        self._desk.problems.pop("mail-in", None)
        return server


class _Handler:
    """What aiosmtpd asks; the database is for a thread to wait for."""

    def __init__(self, inward: Inward) -> None:
        self._inward = inward
        self._turn = asyncio.Semaphore(_MOST_AT_ONCE)

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's own name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if envelope.rcpt_tos:
            # An answer is for all of them here, and of two one may be good; the server sends it again.
            return "452 4.5.3 One at a time"
        answer = await asyncio.to_thread(self._inward.accepts, address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)  # noqa: S101  # it was not told to decode
        # A server that waits no longer ends this call, and not the thread: until that is over it is its turn.
        return await asyncio.shield(self._take(envelope.mail_from or "", envelope.rcpt_tos[0], content))

    async def _take(self, sender: str, recipient: str, content: bytes) -> str:
        async with self._turn:
            return await asyncio.to_thread(self._inward.take, sender, recipient, content)

    async def handle_exception(self, error: Exception) -> str:
        _log.error("a mail could not be taken", exc_info=error)
        return "451 4.3.0 The desk could not take this; try again"
