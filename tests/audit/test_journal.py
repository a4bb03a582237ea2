"""The journal: what it answered for stays, what it did not leaves nothing, and a start puts things right."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.audit.journals import CHECKER, SIGNER, Place, filled, mount, place

from werkplaats_audit import heads
from werkplaats_audit.files import Changed
from werkplaats_audit.journal import Journal, Refused
from werkplaats_audit.recovery import Broken
from werkplaats_datasets.signed import Signer, new_key


def test_an_act_is_begun_and_closed(tmp_path: Path) -> None:
    """Both are entries, chained, and the head is signed for the second."""
    made = place(tmp_path)
    with made.opened() as journal:
        assert journal.head().entry == 0
        first = journal.begin("mounts", mount(purpose="roads\nand bridges, é"))
        assert journal.open() == 1
        last = journal.end("mounts", first.entry, "done", {"path": "/data/vehicles"})
        assert (first.entry, last.entry, journal.open()) == (1, 2, 0)
        begun, closed = journal.read({}, 0, 10)
    assert begun.event
    assert begun.event.purpose == "roads\nand bridges, é"
    assert (begun.outcome, closed.closes, closed.outcome) == (None, 1, "done")
    assert (closed.previous, closed.hash) == (begun.hash, last.hash)
    assert heads.read(CHECKER, last.signed.encode() + b"\n").hash == last.hash
    assert made.heads.read_bytes() == made.anchor.read_bytes()
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in (made.journal, made.heads, made.anchor))


def test_a_restart_keeps_numbers_and_what_is_open(tmp_path: Path) -> None:
    """What was begun before is closed after, by who began it, once."""
    made = place(tmp_path)
    with made.opened() as journal:
        journal.begin("mounts", mount())
        before = journal.head()
    with made.opened() as journal:
        assert journal.head() == before
        with pytest.raises(Refused) as wrong:
            journal.end("desk", 1, "done", {})
        assert wrong.value.reason == "not-yours"
        assert journal.end("mounts", 1, "failed", {}).entry == 2
        for number, reason in ((1, "closed"), (2, "closed"), (3, "no-such-entry")):
            with pytest.raises(Refused) as wrong:
                journal.end("mounts", number, "done", {})
            assert wrong.value.reason == reason
    with made.opened() as journal, pytest.raises(Refused):
        journal.end("mounts", 1, "done", {})
    assert made.report().count == 0


def test_what_is_asked_for_is_found(tmp_path: Path) -> None:
    """By person, dataset and project, alone and together; what closes an act is found with it."""
    made = place(tmp_path)
    with made.opened() as journal:
        for person in ("mkb", "rijk"):
            for dataset in ("vehicles", "cohort"):
                begun = journal.begin("mounts", mount(person, dataset, project="p"))
                journal.end("mounts", begun.entry, "done", {})
    with made.opened() as journal:
        journal.begin("desk", mount("rijk", "cohort"))

        def numbers(after: int = 0, most: int = 500, **wanted: str) -> list[int]:
            return [entry.number for entry in journal.read(wanted, after, most)]  # type: ignore[arg-type]

        assert numbers() == list(range(1, 10))
        assert numbers(after=3, most=2) == [4, 5]
        assert numbers(person="mkb") == [1, 2, 3, 4]
        assert numbers(person="rijk", dataset="cohort") == [7, 8, 9]
        assert numbers(person="rijk", dataset="cohort", project="p") == [7, 8]
        assert numbers(person="rijk", dataset="cohort", after=7) == [8, 9]
        last = journal.read({"person": "rijk", "dataset": "cohort"}, 0, 2, before=100)
        assert [entry.number for entry in last] == [8, 9]
        assert [entry.number for entry in journal.read({}, 0, 3, before=6)] == [3, 4, 5]
        assert numbers(person="nobody") == numbers(person="mkb", project="q") == []


@pytest.mark.parametrize("left", [1, 40, -1])
def test_half_a_line_is_put_away_and_said(tmp_path: Path, left: int) -> None:
    """A crash in the middle of a write leaves a part of an entry, or all of it without its head."""
    made = filled(tmp_path)
    before = made.files()
    with made.opened() as journal:
        journal.begin("mounts", mount())
    half = made.journal.read_bytes()[len(before[0]) :][: left if left > 0 else None]
    made.journal.write_bytes(before[0] + half)
    made.heads.write_bytes(before[1])
    made.anchor.write_bytes(before[2])
    with made.opened() as journal:
        assert journal.head().entry == 9
        assert journal.begin("mounts", mount()).entry == 10
        mend = journal.read({}, 8, 1)[0]
    assert mend.source == "audit"
    assert mend.event
    assert mend.event.kind == "mend"
    assert mend.event.detail["bytes"] == str(len(half))
    assert made.report().count == 0


@pytest.mark.parametrize("which", ["heads", "anchor"])
def test_half_a_head_is_put_away(tmp_path: Path, which: str) -> None:
    """The entry that it stood for goes, or stays where its other head is whole."""
    made = filled(tmp_path)
    before = made.files()
    with made.opened() as journal:
        journal.begin("mounts", mount())
    grown = made.files()
    made.anchor.write_bytes(before[2] if which == "heads" else grown[2][:-9])
    made.heads.write_bytes(grown[1][:-9] if which == "heads" else grown[1])
    with made.opened() as journal:
        kinds = [entry.event.kind for entry in journal.read({}, 8, 9) if entry.event]
        assert kinds == {"heads": ["mend", "mend"], "anchor": ["mount", "mend", "mend"]}[which]
    assert made.report().count == 0


def test_a_crash_between_the_two_places_is_made_good(tmp_path: Path) -> None:
    """The second place lacks the last head: it gets it; a new second place begins with it."""
    made = filled(tmp_path)
    made.anchor.write_bytes(b"".join(made.anchor.read_bytes().splitlines(keepends=True)[:-1]))
    with made.opened() as journal:
        assert journal.head().entry == 9
    assert made.report().count == 0
    made.anchor.unlink()
    with made.opened() as journal:
        assert journal.head().entry == 10
    assert len(made.anchor.read_bytes().splitlines()) == 2
    assert made.report().count == 0


def _cut_journal(made: Place) -> None:
    made.journal.write_bytes(b"".join(made.journal.read_bytes().splitlines(keepends=True)[:-1]))


def _cut_heads(made: Place) -> None:
    for path in (made.heads, made.anchor):
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))


def _take_out_a_line(made: Place) -> None:
    lines = made.journal.read_bytes().splitlines(keepends=True)
    made.journal.write_bytes(b"".join(lines[:2] + lines[3:]))


def _put_an_older_state_back(made: Place) -> None:
    for path in (made.journal, made.heads):
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-3]))


def _take_all_but_the_second_place(made: Place) -> None:
    made.journal.unlink()
    made.heads.unlink()


def _write_nonsense(made: Place) -> None:
    made.heads.write_bytes(made.heads.read_bytes() + b"x.y\n")


def _write_long_nonsense(made: Place) -> None:
    made.heads.write_bytes(made.heads.read_bytes() + b"x" * 5000)


@pytest.mark.parametrize(
    "wrong",
    [
        _cut_journal,
        _cut_heads,
        _take_out_a_line,
        _put_an_older_state_back,
        _take_all_but_the_second_place,
        _write_nonsense,
        _write_long_nonsense,
    ],
)
def test_what_no_crash_does_is_not_written_upon(tmp_path: Path, wrong: object) -> None:
    """The audit does not start on it, and changes nothing of it."""
    made = filled(tmp_path)
    wrong(made)  # type: ignore[operator]
    before = [path.read_bytes() if path.exists() else b"" for path in (made.journal, made.heads, made.anchor)]
    with pytest.raises(Broken, match="werkplaats audit verify"):
        Journal(made.folder, made.anchor, SIGNER)
    assert list(made.files()) == before


def test_another_key_is_another_audit(tmp_path: Path) -> None:
    """A journal is gone on with by the key that signed it alone."""
    made = filled(tmp_path)
    with pytest.raises(Broken, match="not a head that this audit signed"):
        Journal(made.folder, made.anchor, Signer(new_key()))


@pytest.mark.parametrize("name", ["journal", "heads"])
def test_a_file_that_another_touches_stops_it(tmp_path: Path, name: str) -> None:
    """While the audit runs nobody else writes, or takes the file away."""
    made = filled(tmp_path)
    with made.opened() as journal:
        with (made.folder / name).open("ab") as file:
            file.write(b"x")
        with pytest.raises(Changed):
            journal.begin("mounts", mount())
    (tmp_path / "again").mkdir()
    made = filled(tmp_path / "again")
    with made.opened() as journal:
        (made.folder / name).unlink()
        with pytest.raises(Changed):
            journal.begin("mounts", mount())


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Nobody steers the audit's writing elsewhere."""
    made = place(tmp_path)
    made.anchor.symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic"):
        Journal(made.folder, made.anchor, SIGNER)
    assert not (tmp_path / "target").exists()


@pytest.fixture(params=["audit", "elsewhere"])
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Place, Path]]:
    """An audit whose journal and heads, or whose second place, lie on a disk of 256 KiB."""
    if os.getuid() != 0:
        pytest.skip("only root mounts a disk")
    made = place(tmp_path)
    disk = tmp_path / request.param
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], check=True)
    yield made, disk
    subprocess.run(["umount", disk], check=True)


def _fill(path: Path, leave: int = 0) -> None:
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            os.truncate(path, path.stat().st_size - leave)


@pytest.mark.parametrize("leave", [0, 4096, 8192])
def test_a_full_disk_begins_nothing_and_leaves_nothing(small: tuple[Place, Path], leave: int) -> None:
    """Whatever fits no more takes back what did fit; with room again it goes on with the next number."""
    made, disk = small
    with made.opened() as journal:
        journal.begin("mounts", mount())
        _fill(disk / "ballast", leave)
        answered, before = 1, made.files()
        with contextlib.suppress(OSError):
            while answered < 200:
                before = made.files()
                journal.begin("mounts", mount(purpose="x" * 3000))
                answered += 1
        assert answered < 200
        with pytest.raises(OSError, match="No space left"):
            journal.begin("mounts", mount(purpose="x" * 3000))
        assert made.files() == before
        assert journal.head().entry == answered
        assert made.report().count == 0
        (disk / "ballast").unlink()
        assert journal.begin("mounts", mount(purpose="x" * 3000)).entry == answered + 1
    with made.opened() as journal:
        assert journal.head().entry == answered + 1
    report = made.report()
    assert (report.count, report.entries) == (0, answered + 1)
