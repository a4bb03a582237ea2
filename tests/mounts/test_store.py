"""What the daemon keeps: whole or not at all, over a restart too."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest
from tests.mounts.test_decide import GRANT

from werkplaats_mounts.mounted import Mounted, Store
from werkplaats_mounts.views import View

MOUNTED = Mounted(
    grant=GRANT,
    state="mounted",
    since=1,
    open_entry=7,
    view=View(mount=1, device="8:1", root="/"),
)


def test_records_are_there_after_a_restart(tmp_path: Path) -> None:
    """What was written is read again; what was dropped is not, nor is its folder left."""
    Store(tmp_path).put(MOUNTED)
    again = Store(tmp_path)
    assert again.all() == again.of(17) == (MOUNTED,)
    assert again.get(17, "cohort") == MOUNTED
    assert again.get(17, "vehicles") is again.get(18, "cohort") is None
    assert stat.S_IMODE((tmp_path / "17/cohort.json").stat().st_mode) == 0o600
    again.drop(MOUNTED)
    again.drop(MOUNTED)
    assert Store(tmp_path).all() == ()
    assert not (tmp_path / "17").exists()


def test_a_record_that_cannot_be_read_is_dropped(tmp_path: Path) -> None:
    """What is mounted by it then has no record, and is taken away."""
    store = Store(tmp_path)
    store.put(MOUNTED)
    (tmp_path / "17/cohort.json").write_text('{"grant": {}}')
    (tmp_path / "17/.stones.json.new").write_text("{")  # of a daemon that was killed while it wrote
    assert Store(tmp_path).all() == ()


def test_a_grant_is_used_once(tmp_path: Path) -> None:
    """Also by a daemon that was restarted; long after it expired it is forgotten."""
    grant = GRANT.model_copy(update={"expires_at": int(time.time()) + 60})
    assert Store(tmp_path).use(grant)
    assert not Store(tmp_path).use(grant)
    store = Store(tmp_path)
    store.forget(time.time() + 90)
    assert not store.use(grant), "it expired, and yet is so young that a clock may be wrong"
    os.utime(tmp_path / "used" / grant.id, (1, 1))
    store.forget(time.time())
    assert not store.use(grant), "it has not expired"
    store.forget(time.time() + 90)
    assert list((tmp_path / "used").iterdir()) == []


def test_a_full_disk_is_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be written is not taken for written."""
    store = Store(tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        store.put(MOUNTED)
    assert store.all() == Store(tmp_path).all() == ()
