"""The process itself: who may write what, what a client can do to others, and what an end leaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.audit.journals import CHECKER, SIGNER, mount, place
from tests.audit.processes import Process, running

from werkplaats_audit import heads
from werkplaats_audit.client import Audit, AuditAway
from werkplaats_audit.events import MOST_LINE, Entry, Event, tame
from werkplaats_audit.journal import Journal
from werkplaats_audit.keeper import Keeper
from werkplaats_audit.service import MOST_CONNECTIONS, READERS, Service
from werkplaats_audit.verify import verify

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can be several users")

DESK, STRANGER = "daemon", "nobody"


@contextlib.contextmanager
def as_user(name: str) -> Iterator[None]:
    """Be somebody else for a while: the kernel says the effective user to who is connected to."""
    os.seteuid(pwd.getpwnam(name).pw_uid)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def process() -> Iterator[Process]:
    """A process on folders that other users can walk to."""
    with running(DESK) as made:
        yield made


def verified(process: Process) -> int:
    """Return how many entries there are in a journal that is good."""
    report = verify(process.place.folder, CHECKER, process.place.anchor)
    assert report.faults == []
    return report.entries


def refused(reason: str, message: str | None = None) -> Any:
    """Expect that the audit says this."""
    return pytest.raises(AuditAway, check=lambda wrong: wrong.reason == reason, match=message)


def test_each_writes_what_is_its_own(process: Process) -> None:
    """The desk decisions, root what is mounted; nobody else anything, or reads."""
    audit = Audit(process.socket)
    mounted = audit.begin(mount("mkb"))
    with refused("not-yours", "mounts writes no decision"):
        audit.begin(Event(kind="decision"))
    with as_user(DESK):
        decided = audit.note(Event(kind="decision", person="mkb", by="steward"), "done")
        with refused("not-yours", "desk writes no mount"):
            audit.begin(mount())
        with refused("not-yours", "who began it closes it"):
            audit.close(mounted, "done")
        with refused("closed"):
            audit.close(decided, "done")
        assert [entry.number for entry in audit.read(person="mkb")] == [1, 2]
        assert [entry.number for entry in audit.read(person="mkb", before=2**53 - 1, most=1)] == [2]
        assert [entry.number for entry in audit.read(person="mkb", before=2)] == [1]
        assert audit.read(person="mkb", before=1) == []
    with as_user(STRANGER):
        for ask in (lambda: audit.begin(mount()), audit.head, audit.read):
            with refused("not-yours", "the desk and to root alone"):
                ask()
    with refused("not-yours"):
        audit.begin(Event(kind="mend"))
    assert audit.close(mounted, "failed", {"why": "no such folder"}) == 3
    assert [(entry.source, entry.outcome) for entry in audit.read()] == [
        ("mounts", None),
        ("desk", "done"),
        ("mounts", "failed"),
    ]
    assert verified(process) == 3


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_keeps_numbers(process: Process, number: int) -> None:
    """Whatever ended it; what was open is closed after."""
    audit = Audit(process.socket)
    first = audit.begin(mount())
    head = audit.head()
    process.end(number)
    with refused("away"):
        audit.head()
    process.start()
    assert audit.head() == head
    assert audit.close(first, "done") == 2


def test_a_second_one_does_not_write(process: Process) -> None:
    """The one that is there goes on."""
    second = process.launch()
    _, said = second.communicate(timeout=20)
    assert second.returncode == 1
    assert b"Another audit writes" in said
    assert Audit(process.socket).begin(mount()) == 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "unknown"),
        (b"null", "unknown"),
        (b'{"want": "forget"}', "unknown"),
        (b'{"want": "head", "more": 1}', "unknown"),
        (b"[" * 60_000, "unknown"),
        (b'{"want": "begin"}', "unknown"),
        (b'{"want": "begin", "kind": "mend"}', "not-yours"),
        (b'{"want": "begin", "kind": "mount", "job": "17"}', "unknown"),
        (b'{"want": "begin", "kind": "mount", "job": -1}', "unknown"),
        (b'{"want": "begin", "kind": "mount", "job": 1e300}', "unknown"),
        (b'{"want": "begin", "kind": "mount", "at": 1}', "unknown"),
        (b'{"want": "begin", "kind": "mount", "person": "a\\u0000b"}', "unknown"),
        (b'{"want": "begin", "kind": "mount", "person": "a\\u001b[2J"}', "unknown"),
        (b'{"want": "begin", "kind": "mount", "person": "\\ud800"}', "unknown"),
        (b'{"want": "begin", "kind": "mount", "person": "\xff"}', "unknown"),
        (b'{"want": "begin", "kind": "mount", "detail": {"A": "b"}}', "unknown"),
        (b'{"want": "begin", "kind": "mount", "detail": {"a": 1}}', "unknown"),
        (b'{"want": "begin", "kind": "mount", "purpose": "' + b"x" * 4001 + b'"}', "too-large"),
        (b'{"want": "begin", "kind": "mount", "purpose": "' + b"x" * 10_000_000 + b'"}', "too-large"),
        (b'{"want": "close", "entry": 1, "outcome": "done"}', "no-such-entry"),
        (b'{"want": "close", "entry": 0, "outcome": "done"}', "unknown"),
        (b'{"want": "read", "most": 501}', "unknown"),
        (b'{"want": "read", "after": -1}', "unknown"),
    ],
    ids=lambda value: value[:60].decode(errors="replace") if isinstance(value, bytes) else value,
)
def test_what_is_not_understood_is_not_written(process: Process, line: bytes, reason: str) -> None:
    """A reason, a sentence, nothing of the sender's in it; and the next one is answered."""
    try:
        answer = process.lines(line)[0]
    except ConnectionError:  # it was still being sent when the audit had read enough
        answer = {"trouble": "too-large", "message": ""}
        assert len(line) > MOST_LINE
    assert answer["trouble"] == reason
    assert "x" * 50 not in answer["message"]
    assert Audit(process.socket).head().entry == 0


def test_what_is_refused_can_be_written(process: Process) -> None:
    """A refusal names what was asked for, whatever that was."""
    audit = Audit(process.socket)
    asked = "../../etc\x00\x1b" + "x" * 500
    number = audit.note(Event(kind="refusal", dataset=tame(asked), detail={"why": "no name"}), "refused")
    entry = audit.read()[number - 1]
    assert entry.event
    assert entry.event.dataset.startswith("../../etc\ufffd\ufffdxxx")
    with refused("too-large"):
        audit.begin(Event(kind="mount", detail={f"a{number}": "é" * 4000 for number in range(20)}))


class Held(Journal):
    """A journal of which each reading waits until it is let go on."""

    reading: ClassVar[Counter[str]] = Counter()
    goes_on: ClassVar[threading.Event] = threading.Event()

    def read(self, *args: Any, **more: Any) -> list[Entry]:
        """Wait, and then read."""
        self.reading["now"] += 1
        self.reading["most"] = max(self.reading["most"], self.reading["now"])
        assert self.goes_on.wait(30)
        self.reading["now"] -= 1
        return super().read(*args, **more)


async def test_what_is_written_waits_for_nothing_that_is_read(tmp_path: Path) -> None:
    """Readings that do not come to an end keep no act from being written down, nor are there many at once."""
    made = place(tmp_path)
    Held.reading.clear()
    Held.goes_on.clear()
    service = Service(Keeper(lambda: Held(made.folder, made.anchor, SIGNER)), 65534)
    running = asyncio.create_task(service.run(tmp_path / "socket"))
    audit = Audit(tmp_path / "socket", 15)
    while not (tmp_path / "socket").exists():
        await asyncio.sleep(0.01)
    first = await asyncio.to_thread(audit.note, mount(), "done")
    asked = [b'{"want": "read"}\n'] * 12
    connections = [await asyncio.open_unix_connection(tmp_path / "socket") for _ in asked]
    for line, (_, writer) in zip(asked, connections, strict=True):
        writer.write(line)
    while not Held.reading["now"]:
        await asyncio.sleep(0.01)
    try:
        assert await asyncio.to_thread(audit.note, mount(), "done") == first + 1
        assert Held.reading["most"] <= READERS
    finally:
        Held.goes_on.set()
    for reader, writer in connections:
        answer = json.loads(await asyncio.wait_for(reader.readline(), 15))
        assert answer["entries"][0]["number"] == first
        writer.close()
    assert Held.reading["most"] <= READERS
    os.kill(os.getpid(), signal.SIGTERM)
    await running


def test_one_program_reads_so_much_at_once_and_writes_all_the_same(process: Process) -> None:
    """Its reads take no more of its connections than there are for them; one too many is told so in time."""
    audit = Audit(process.socket, 0.3)
    audit.note(mount(), "done")
    for _ in range(4):
        assert audit._reads.acquire(blocking=False)
    with refused("busy"):
        audit.read()
    assert audit.note(mount(), "done") == 2
    audit._reads.release()
    assert len(audit.read()) == 2


def test_several_lines_over_one_connection(process: Process) -> None:
    """A refusal in between ends nothing."""
    begin = {"want": "begin", "kind": "mount", "person": "mkb"}
    answers = process.lines(begin, b"{", {"want": "close", "entry": 1, "outcome": "done"}, {"want": "head"})
    assert [answer.get("entry") for answer in answers] == [1, None, 2, 2]
    assert heads.read(CHECKER, answers[3]["signed"].encode() + b"\n").entry == 2


def test_who_hangs_keeps_nobody_out(process: Process) -> None:
    """Half a line, a reader that does not read, and all of the desk's connections at once."""
    audit = Audit(process.socket)
    for number in range(60):
        audit.note(Event(kind="refusal", purpose="x" * 4000, detail={"n": str(number)}), "refused")
    held = [process.connection() for _ in range(3)]
    held[0].sendall(b'{"want": "beg')
    held[1].sendall(b'{"want": "read"}\n' * 3)
    with as_user(DESK):
        held += [process.connection() for _ in range(MOST_CONNECTIONS)]
        time.sleep(0.3)
        with refused("busy"):
            audit.head()
    began = time.monotonic()
    audit.begin(mount())
    assert time.monotonic() - began < 2
    for connection in held:
        connection.close()
    time.sleep(0.3)
    with as_user(DESK):
        assert audit.head().entry == 61


def test_many_at_once(process: Process) -> None:
    """Each gets a number of its own, in one chain."""
    numbers: list[int] = []

    def act() -> None:
        for _ in range(20):
            begun = Audit(process.socket).begin(mount())
            numbers.extend((begun, Audit(process.socket).close(begun, "done")))

    threads = [threading.Thread(target=act) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 321))
    assert verified(process) == 320


@pytest.mark.parametrize("round_", range(6))
def test_killed_in_the_middle_of_writing(process: Process, round_: int) -> None:
    """Every entry that was answered is there after, and the chain is good."""
    answered: list[int] = []
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            try:
                answered.append(Audit(process.socket, 2).begin(mount(purpose="x" * 3000)))
            except AuditAway:
                return

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    begun = time.monotonic()
    while not answered and time.monotonic() < begun + 10:
        time.sleep(0.01)
    time.sleep(0.05 + round_ * 0.037)  # at another moment each time
    process.end(signal.SIGKILL)
    stop.set()
    for thread in threads:
        thread.join()
    assert answered
    process.start()
    entries = verified(process)
    assert sorted(answered) == sorted(set(answered))
    assert max(answered) <= entries
    assert entries - len(answered) <= len(threads) + 2  # some were written and could not be answered
    next_ = Audit(process.socket).begin(mount())
    assert next_ == entries + 1


def test_verified_while_it_writes(process: Process) -> None:
    """A reading in between finds nothing wrong with a journal that grows."""
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            Audit(process.socket).begin(mount())

    thread = threading.Thread(target=write)
    thread.start()
    try:
        found = [verified(process)]
        while found[-1] < 100:
            found.append(verified(process))
    finally:
        stop.set()
        thread.join()
    assert found == sorted(found)


def test_a_full_disk_is_said_and_passes(process: Process) -> None:
    """No room at the second place: nothing begins; with room it goes on by itself."""
    process.end()
    disk = process.place.anchor.parent
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], check=True)
    try:
        with (disk / "ballast").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"x" * 4096)
        process.start()
        audit = Audit(process.socket)
        with refused("disk", "Make room"):
            audit.begin(mount())
        (disk / "ballast").unlink()
        assert audit.begin(mount()) == 1
        process.end()
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_journal_that_was_changed_stops_all(process: Process) -> None:
    """The audit says so to who asks, and goes on when the file is as it was."""
    audit = Audit(process.socket)
    audit.begin(mount())
    good = process.place.journal.read_bytes()
    process.place.journal.write_bytes(good[:-20])
    for _ in range(2):
        with refused("broken", "werkplaats audit verify"):
            audit.begin(mount())
    process.place.journal.write_bytes(good)
    assert audit.begin(mount()) == 2


def test_a_client_waits_no_longer_than_it_said(tmp_path: Path) -> None:
    """Nobody answers, or drop by drop: the act does not begin."""
    path = tmp_path / "silent"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        began = time.monotonic()
        with refused("away"):
            Audit(path, timeout=0.3).begin(mount())
        assert time.monotonic() - began < 2
    with refused("away"):
        Audit(tmp_path / "nothing").head()
