"""Whatever is done to a journal is found, and said with the entry that it is about."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.audit.journals import CHECKER, SIGNER, Place, filled, mount

from werkplaats_audit import chain, heads
from werkplaats_audit.verify import MOST_SAID, verify
from werkplaats_datasets.signed import Signer, new_key

_MANY = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An audit with eight entries."""
    return filled(tmp_path_factory.mktemp("verify"))


@pytest.fixture
def copy(written: Place, tmp_path: Path) -> Place:
    """The same, to change."""
    shutil.copytree(written.folder, tmp_path / "audit")
    shutil.copy(written.anchor, tmp_path / "heads")
    return Place(tmp_path / "audit", tmp_path / "heads")


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def test_a_good_journal_is_good(written: Place) -> None:
    """It says how many entries there are, and the head."""
    report = written.report()
    assert (report.count, report.entries, report.heads, report.anchored) == (0, 8, 8, 8)
    assert report.head == chain.read(_lines(written.journal)[-1])["hash"]
    assert 0 < report.since <= report.last_at


def test_nothing_written_is_good(tmp_path: Path) -> None:
    """A new audit has no entries."""
    report = verify(tmp_path, CHECKER)
    assert (report.count, report.entries) == (0, 0)


@_MANY
@given(st.data())
def test_any_byte_is_found(written: Place, copy: Place, data: st.DataObject) -> None:
    """In the journal or in its heads."""
    name = data.draw(st.sampled_from(["journal", "heads"]))
    good = (written.folder / name).read_bytes()
    where = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != good[where]))
    (copy.folder / name).write_bytes(good[:where] + bytes([other]) + good[where + 1 :])
    try:
        assert copy.report().count > 0
    finally:
        (copy.folder / name).write_bytes(good)


@_MANY
@given(st.data())
def test_any_order_but_the_right_one_is_found(written: Place, copy: Place, data: st.DataObject) -> None:
    """Whatever lines change places."""
    lines = _lines(written.journal)
    order = data.draw(st.permutations(range(len(lines))).filter(lambda order: order != sorted(order)))
    copy.journal.write_bytes(b"".join(lines[number] for number in order))
    report = copy.report()
    first = next(place for place, number in enumerate(order) if place != number)
    assert report.faults[0].entry == first + 1


@_MANY
@given(st.data())
def test_any_cut_is_found(written: Place, copy: Place, data: st.DataObject) -> None:
    """A part that is gone, wherever it begins and ends, on a line's end or not."""
    good = written.journal.read_bytes()
    ends = [0]
    for line in _lines(written.journal):
        ends.append(ends[-1] + len(line))
    where = st.one_of(st.sampled_from(ends), st.integers(0, len(good)))
    start, end = sorted(data.draw(st.tuples(where, where).filter(lambda both: both[0] != both[1])))
    copy.journal.write_bytes(good[:start] + good[end:])
    assert copy.report().count > 0


@_MANY
@given(st.data())
def test_any_line_twice_is_found(written: Place, copy: Place, data: st.DataObject) -> None:
    """An entry that is put in again."""
    lines = _lines(written.journal)
    which = data.draw(st.integers(0, len(lines) - 1))
    where = data.draw(st.integers(0, len(lines)))
    copy.journal.write_bytes(b"".join([*lines[:where], lines[which], *lines[where:]]))
    assert copy.report().count > 0


def test_an_edit_is_said(copy: Place) -> None:
    """With the entry's number."""
    lines = _lines(copy.journal)
    lines[2] = lines[2].replace(b'"person":"mkb"', b'"person":"xyz"')
    copy.journal.write_bytes(b"".join(lines))
    assert [(fault.entry, "was changed" in fault.what) for fault in copy.report().faults] == [(3, True)]


def test_a_deletion_is_said(copy: Place) -> None:
    """As the entries that are gone."""
    lines = _lines(copy.journal)
    copy.journal.write_bytes(b"".join(lines[:2] + lines[4:]))
    report = copy.report(anchored=False)
    assert report.faults[0].entry == 3
    assert "the entries 3 to 4" in report.faults[0].what
    assert [fault.entry for fault in report.faults[1:]] == [3, 4]


def test_a_chain_written_anew_is_said(copy: Place) -> None:
    """Who can compute hashes cannot sign heads."""
    previous, lines = chain.START, []
    for line in _lines(copy.journal):
        held = chain.read(line)
        rest = {key: value for key, value in held.items() if key not in ("previous", "hash")}
        rest["at"] += 1000 if held["number"] >= 3 else 0
        anew, previous = chain.linked(rest, previous)
        lines.append(anew)
    copy.journal.write_bytes(b"".join(lines))
    report = copy.report(anchored=False)
    assert [fault.entry for fault in report.faults] == [3, 4, 5, 6, 7, 8]
    assert "written anew" in report.faults[0].what


def test_a_forged_head_is_said(copy: Place) -> None:
    """A head with another key is none, nor are the letters of another."""
    lines = _lines(copy.heads)
    place = heads.read(CHECKER, lines[4])
    copy.heads.write_bytes(b"".join([*lines[:4], heads.sign(Signer(new_key()), place), *lines[5:]]))
    report = copy.report(anchored=False)
    assert [fault.entry for fault in report.faults] == [5, 5]
    assert any("forged head" in fault.what for fault in report.faults)


def test_a_truncation_is_said(copy: Place) -> None:
    """The heads know what was there."""
    copy.journal.write_bytes(b"".join(_lines(copy.journal)[:-3]))
    report = copy.report(anchored=False)
    assert [fault.entry for fault in report.faults] == [8]
    assert "the end was cut off" in report.faults[0].what


def test_an_older_state_is_found_against_the_anchor_alone(copy: Place) -> None:
    """Journal and heads of an earlier day agree; the second place knows better."""
    for path in (copy.journal, copy.heads):
        path.write_bytes(b"".join(_lines(path)[:-2]))
    assert copy.report(anchored=False).count == 0
    report = copy.report()
    assert [fault.entry for fault in report.faults] == [8]
    assert "older state" in report.faults[0].what


def test_an_older_state_that_was_gone_on_with_is_found(copy: Place, tmp_path: Path) -> None:
    """A copy of the second place, kept elsewhere, holds other heads for the same entries."""
    kept = tmp_path / "kept"
    shutil.copy(copy.anchor, kept)
    for path in (copy.journal, copy.heads, copy.anchor):
        path.write_bytes(b"".join(_lines(path)[:-2]))
    with copy.opened() as journal:
        for _ in range(5):
            journal.begin("desk", mount())
    assert copy.report().count == 0
    found = verify(copy.folder, CHECKER, kept, settles=0)
    assert [fault.entry for fault in found.faults] == [7, 8]
    assert "signed at the second place" in found.faults[0].what


def test_an_anchor_may_be_a_copy_of_an_earlier_day(copy: Place) -> None:
    """What was written since is held against the heads beside the journal."""
    copy.anchor.write_bytes(b"".join(_lines(copy.anchor)[:3]))
    assert copy.report().count == 0


def test_an_entry_without_a_head_is_said(copy: Place) -> None:
    """Nobody adds one without the key."""
    last = chain.read(_lines(copy.journal)[-1])
    rest = {key: value for key, value in last.items() if key not in ("previous", "hash")}
    line, _ = chain.linked({**rest, "number": 9}, last["hash"])
    copy.journal.write_bytes(copy.journal.read_bytes() + line)
    report = copy.report()
    assert [fault.entry for fault in report.faults] == [9]
    assert "no signed head" in report.faults[0].what


def test_a_journal_of_rubbish_is_read_to_its_end(copy: Place) -> None:
    """Many faults are counted, and some said; no input breaks the reader."""
    rubbish = [b"[" * 90_000 + b"\n", b'{"number":1e400}\n', b"\x00\xff\n", b'{"number":true}\n', b"\n"]
    copy.journal.write_bytes(b"".join(rubbish) * 20 + b"x" * 500_000)
    report = copy.report()
    assert report.count > 100
    assert len(report.faults) == MOST_SAID


def test_the_rule_can_be_checked_by_others(written: Place) -> None:
    """The hash is SHA-256 over the hash before and the canonical rest: nothing of ours is needed for it."""
    import hashlib
    import json

    previous = "0" * 64
    for line in _lines(written.journal):
        rest = json.loads(line)
        said = rest.pop("hash")
        assert rest.pop("previous") == previous
        text = json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        previous = hashlib.sha256(bytes.fromhex(previous) + text.encode()).hexdigest()
        assert previous == said
    assert SIGNER.public().startswith(b"-----BEGIN PUBLIC KEY-----")
