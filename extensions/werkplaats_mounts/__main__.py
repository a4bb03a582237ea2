"""Run as ``python -m werkplaats_mounts SETTINGS``: the mount daemon, as root."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

from werkplaats_audit.client import Audit
from werkplaats_datasets.signed import Checker
from werkplaats_datasets.vault import Vault
from werkplaats_mounts.acts import Acts
from werkplaats_mounts.daemon import Daemon
from werkplaats_mounts.leaving import Leaving
from werkplaats_mounts.mounted import Store
from werkplaats_mounts.revoked import Desk
from werkplaats_mounts.settings import Settings
from werkplaats_mounts.slurm import Slurm
from werkplaats_mounts.spaces import Spaces
from werkplaats_mounts.told import Told
from werkplaats_mounts.views import Views
from werkplaats_mounts.watch import Watch


def acts_of(settings: Settings) -> Acts:
    """Return the daemon's parts, put together."""
    checker = Checker(settings.desk_key.read_bytes())
    store, spaces = Store(settings.state), Spaces(settings.job_containers)
    views, slurm = Views(settings.vault, settings.data), Slurm(settings.slurm_conf)
    audit = Told(Audit(settings.audit_socket, timeout=2.0))
    vault = Vault(settings.vault, settings.catalogue)
    leaving = Leaving(store, spaces, views, slurm, audit)
    desk = Desk(settings.desk_url, checker, store, settings.revocations)
    return Acts(settings, checker, desk, slurm, audit, store, spaces, views, vault, leaving)


async def serve(settings: Settings) -> None:
    """Put in order what was left, then answer until told to end."""
    acts = acts_of(settings)
    watch, daemon = Watch(acts), Daemon(acts)
    await watch.begin()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    watching = asyncio.create_task(watch.run())
    async with await daemon.listen(settings.socket):
        await ended.wait()
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


def main(path: Path) -> None:
    """Serve until told to end; what is mounted stays."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    os.umask(0o022)
    asyncio.run(serve(Settings.model_validate_json(path.read_bytes())))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
