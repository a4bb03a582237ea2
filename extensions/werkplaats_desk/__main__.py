"""Run as ``python -m werkplaats_desk SETTINGS``: serve the desk on its port, on loopback."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from werkplaats_desk.app import create_app, open_desk
from werkplaats_desk.database import AWAY
from werkplaats_desk.serving import server


def main(path: Path) -> None:
    """Serve until told to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it writes addresses, with their codes
    try:
        desk = open_desk(path)
    except AWAY as wrong:
        # Who started it starts it again, until the database is there.
        raise SystemExit(f"The desk's database does not answer: {wrong}") from None
    server(create_app(desk), desk.settings.port).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
