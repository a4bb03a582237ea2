"""What fails in the middle, and cannot even be taken back, is made good by the next message."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
from tests.audit.journals import SIGNER, Place, place

from werkplaats_audit.files import Growing
from werkplaats_audit.journal import Journal
from werkplaats_audit.keeper import Keeper

_BEGIN = json.dumps({"want": "begin", "kind": "mount", "person": "mkb"}).encode()


@pytest.fixture
def made(tmp_path: Path) -> Place:
    """An empty audit."""
    return place(tmp_path)


def _keeper(made: Place) -> Keeper:
    return Keeper(lambda: Journal(made.folder, made.anchor, SIGNER))


def _answer(keeper: Keeper, line: bytes) -> dict[str, Any]:
    answer = keeper.answer("mounts", line)
    return answer() if callable(answer) else answer


def _begin(keeper: Keeper) -> Any:
    answer = _answer(keeper, _BEGIN)
    return answer.get("entry") or answer["trouble"]


@pytest.mark.parametrize("which", [0, 1, 2], ids=["journal", "heads", "anchor"])
@pytest.mark.parametrize("part", [0, 30, 10_000])
@pytest.mark.parametrize("back", [True, False], ids=["taken back", "not taken back"])
def test_a_write_that_breaks_off(
    made: Place, monkeypatch: pytest.MonkeyPatch, which: int, part: int, back: bool
) -> None:
    """Any of the three files, after any part of what was to be written; then the disk is back."""
    broken = (made.journal, made.heads, made.anchor)[which]
    keeper = _keeper(made)
    assert _begin(keeper) == 1
    add, cut = Growing.add, Growing.cut

    def breaks_off(self: Growing, data: bytes) -> None:
        add(self, data if self.path != broken else data[:part])
        if self.path == broken:
            raise OSError(errno.EIO, "Input/output error")

    def stays(self: Growing, size: int | None = None) -> None:
        if self.path == broken:
            raise OSError(errno.EIO, "Input/output error")
        cut(self, size)

    with monkeypatch.context() as patched:
        patched.setattr(Growing, "add", breaks_off)
        if not back:
            patched.setattr(Growing, "cut", stays)
        before = made.files()
        assert _begin(keeper) == "disk"
        if back:
            assert made.files() == before
        assert _begin(keeper) == "disk"
    number = _begin(keeper)
    assert number >= 2
    assert made.report().faults == []
    assert _begin(_keeper(made)) == number + 1
    assert made.report().faults == []


def test_no_disk_at_the_start(made: Place) -> None:
    """It says so, and goes on once the folder of the second place is there."""
    made.anchor.parent.rmdir()
    keeper = _keeper(made)
    assert _begin(keeper) == "disk"
    made.anchor.parent.mkdir()
    assert _begin(keeper) == 1


def test_a_second_place_that_went_away(made: Place) -> None:
    """Another disk is mounted over it, or the file was moved: it begins anew there, and says so."""
    keeper = _keeper(made)
    assert _begin(keeper) == 1
    made.anchor.rename(made.anchor.with_name("old"))
    assert _begin(keeper) == 3
    read = _answer(keeper, b'{"want": "read", "after": 1, "most": 1}')["entries"][0]
    assert read["event"]["kind"] == "mend"
    assert made.report().count == 0


def test_what_is_still_to_be_read_when_the_journal_is_opened_anew(made: Place) -> None:
    """It is refused, and never reads what has its file's number now; who asks again is answered."""
    keeper = _keeper(made)
    assert _begin(keeper) == 1
    reading = keeper.answer("desk", b'{"want": "read"}')
    assert callable(reading)
    keeper.close()
    with made.anchor.open("rb"):  # it gets the number that was let go of
        answer = reading()
    assert (answer["trouble"], "let go of" in answer["message"]) == ("broken", True)
    assert [one["number"] for one in _answer(keeper, b'{"want": "read"}')["entries"]] == [1]


def test_a_line_that_was_changed_is_not_given_out(made: Place) -> None:
    """Who reads it is told; once it is as it was, the audit gives it out again."""
    keeper = _keeper(made)
    assert _begin(keeper) == 1
    was = made.journal.read_bytes()
    with made.journal.open("r+b") as file:
        file.write(was.replace(b"mkb", b"abc"))
    assert _answer(keeper, b'{"want": "read"}')["trouble"] == "broken"
    with made.journal.open("r+b") as file:
        file.write(was)
    assert len(_answer(keeper, b'{"want": "read"}')["entries"]) == 1
