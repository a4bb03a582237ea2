"""Signed heads by mail: what stands in somebody's mailbox nobody on this machine can take back.

A thread of its own looks where the journal ends and sends that. The audit does not wait for it: a mail
server that is away, or slow, keeps nothing from being written down.
"""

from __future__ import annotations

import json
import logging
import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Final

from werkplaats_audit.settings import Mail

_log = logging.getLogger(__name__)
#: How often it is looked whether there is something to send, and how long after it could not be sent (s).
_LOOKS: Final = 60.0
_AGAIN: Final = 600.0
#: How long a mail server may take for an answer (s).
_PATIENCE: Final = 30.0
_TEXT: Final = """\
The audit of {host} ended with the head below when this was sent. Keep this mail: the machine cannot
change it. Saved as a file, it shows whether an older state of the audit was put back since:

    werkplaats audit verify --anchor FILE

{head}
"""


class Mailing(threading.Thread):
    """Sends the last head to somebody, at most once in a while, for as long as the process runs.

    Parameters
    ----------
    head
        Returns the last signed head of what is on disk for good; empty where there is none.
    sent
        The file that keeps what was sent last.
    """

    def __init__(self, mail: Mail, head: Callable[[], str], sent: Path) -> None:
        super().__init__(name="mailing", daemon=True)
        self._mail, self._head, self._sent = mail, head, sent

    def run(self) -> None:
        """Look and send, again and again."""
        while True:
            try:
                self.once()
            except Exception as wrong:  # whatever it is: it must not end what is to come
                _log.error("the last head could not be mailed to %s: %s", self._mail.to, wrong)
                time.sleep(_AGAIN)
            time.sleep(_LOOKS)

    def once(self) -> bool:
        """Send the last head, if it was not sent and enough time went by; return whether it was.

        Raises
        ------
        OSError
            Also of a mail server that did not take it.
        """
        line, (before, at) = self._head(), self._last()
        if not line or line == before or 0 <= time.time() - at < self._mail.every:
            return False
        self._send(line)
        self._sent.write_text(json.dumps({"head": line, "at": time.time()}))
        return True

    def _last(self) -> tuple[str, float]:
        """Return what was sent last, and when; nothing where that is not known."""
        try:
            held = json.loads(self._sent.read_text())
            return str(held["head"]), float(held["at"])
        except (OSError, ValueError, KeyError, TypeError):
            return "", 0.0

    def _send(self, head: str) -> None:
        mail, host = EmailMessage(), socket.getfqdn()
        mail["From"], mail["To"] = self._mail.sender, self._mail.to
        mail["Subject"] = f"Where the audit of {host} ends"
        mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=host)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(_TEXT.format(host=host, head=head), cte="7bit")  # no line of it is broken
        with smtplib.SMTP(self._mail.host, self._mail.port, timeout=_PATIENCE) as server:
            if self._mail.starttls:
                server.starttls(context=ssl.create_default_context())
            server.send_message(mail)
