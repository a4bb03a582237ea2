"""Run as ``python -m werkplaats_audit SETTINGS``: write the journal for the desk and the mount daemon."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import sys
from pathlib import Path
from typing import Final

from werkplaats_audit.journal import Journal
from werkplaats_audit.keeper import Keeper
from werkplaats_audit.mailing import Mailing
from werkplaats_audit.recovery import Broken
from werkplaats_audit.service import Service, uid_of
from werkplaats_audit.settings import Settings
from werkplaats_datasets.signed import Signer

#: After how long (s) a thread that reads lets the one go on that writes.
_TURN: Final = 0.001


def main(path: Path) -> None:
    """Serve until told to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    sys.setswitchinterval(_TURN)
    settings = Settings.read(path)
    signer = Signer(settings.key.read_bytes())
    _alone(settings.folder)
    keeper = Keeper(lambda: Journal(settings.folder, settings.anchor, signer))
    try:
        keeper.journal()
    except (Broken, OSError) as wrong:  # it listens all the same: who asks is told, and a full disk passes
        logging.error("%s", wrong)
    if settings.mail is not None:
        Mailing(settings.mail, keeper.signed, settings.folder / "mailed").start()
    asyncio.run(Service(keeper, uid_of(settings.desk_user)).run(settings.socket))


def _alone(folder: Path) -> None:
    """See that no other process writes here; the lock goes with this one."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"Another audit writes in {folder}. End that one first.") from None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
