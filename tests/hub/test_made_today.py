"""How many users were made in a day: by the day that useradd notes, and not by one that a person set."""

from __future__ import annotations

import pwd
import time
from pathlib import Path

import pytest

from werkplaats_spawners.enrol import people

MARK = "Werkplaats (wpx)"


def test_who_has_a_password_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`passwd` notes its day in the same place, so that a person could fill up everybody's day."""
    today = int(time.time() // 86_400)
    shadow = tmp_path / "shadow"
    fields = {"anna": "!", "bram": "$y$hash", "cas": "", "dirk": "!"}
    days = {"anna": today, "bram": today, "cas": today, "dirk": today - 1}
    shadow.write_text("".join(f"{name}:{fields[name]}:{days[name]}:0:99999:7:::\n" for name in fields))
    monkeypatch.setattr(people, "_SHADOW", shadow)
    users = [pwd.struct_passwd((name, "x", 4000, 4000, MARK, "/", "/bin/sh")) for name in fields]
    monkeypatch.setattr(people.pwd, "getpwall", lambda: users)
    assert people.made_today(MARK) == 1
