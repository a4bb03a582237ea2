"""The parts that need no job: the desk's list, the child, the kernel's own fences."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.mounts.fakes import Desk as FakeDesk

from werkplaats_datasets.grants import Revocation
from werkplaats_datasets.signed import Checker, Signer, new_key
from werkplaats_mounts import linux
from werkplaats_mounts.forked import Failed, in_child
from werkplaats_mounts.mounted import Store
from werkplaats_mounts.revoked import SILENT, Desk, DeskAway
from werkplaats_mounts.spaces import Spaces

SIGNER = Signer(new_key())


@pytest.fixture
def theirs() -> Iterator[FakeDesk]:
    """A desk that signs."""
    desk = FakeDesk(SIGNER)
    yield desk
    desk.close()


def ours(theirs: FakeDesk, folder: Path) -> Desk:
    """The daemon's side of it."""
    return Desk(theirs.url, Checker(SIGNER.public()), Store(folder))


async def test_the_list_is_asked_anew(theirs: FakeDesk, tmp_path: Path) -> None:
    """What was taken back a moment ago is in it, and is known after a restart."""
    desk = ours(theirs, tmp_path)
    assert desk.newest is None
    assert (await desk.revocations()).entries == ()
    theirs.entries.append(Revocation(dataset="trees", at=5))
    assert (await desk.revocations()).entries == (Revocation(dataset="trees", at=5),)
    again = ours(theirs, tmp_path)
    assert again.newest is not None
    assert again.newest.entries == (Revocation(dataset="trees", at=5),)


async def test_a_list_that_is_not_of_now_is_refused(theirs: FakeDesk, tmp_path: Path) -> None:
    """One that was kept by whoever listens on the desk's port, or that is older than one seen before."""
    desk = ours(theirs, tmp_path)
    await desk.revocations()
    for seconds in (-3600, -2, 3600):
        moment = int(time.time()) + seconds
        theirs.issued_at = lambda moment=moment: moment
        with pytest.raises(DeskAway):
            await desk.revocations()


async def test_a_desk_that_is_away_or_another(theirs: FakeDesk, tmp_path: Path) -> None:
    """An error, another's signature, nobody there: nothing is known."""
    desk = ours(theirs, tmp_path)
    theirs.away = True
    with pytest.raises(DeskAway):
        await desk.revocations()
    theirs.away, theirs.signer = False, Signer(new_key())
    with pytest.raises(DeskAway):
        await desk.revocations()
    with pytest.raises(DeskAway):
        await Desk("http://127.0.0.1:1/", Checker(SIGNER.public()), Store(tmp_path)).revocations()


def written(theirs: FakeDesk, path: Path, seconds: int = 0) -> None:
    """Have the desk write its list, as it would have so many seconds ago."""
    theirs.issued_at = lambda: int(time.time()) - seconds
    path.write_text(theirs.signed())


async def test_the_file_is_read_first(theirs: FakeDesk, tmp_path: Path) -> None:
    """What the desk wrote of now counts while it cannot be asked; of an old file it is asked."""
    path = tmp_path / "said"
    desk = Desk(theirs.url, Checker(SIGNER.public()), Store(tmp_path), path)
    assert (await desk.revocations()).entries == (), "no file yet: it is asked"
    theirs.away = True
    with pytest.raises(DeskAway):
        await desk.revocations()
    theirs.entries.append(Revocation(dataset="trees", at=5))
    written(theirs, path)
    assert (await desk.revocations()).entries == (Revocation(dataset="trees", at=5),)
    written(theirs, path, 20)
    with pytest.raises(DeskAway):
        await desk.revocations()
    theirs.away = False
    theirs.issued_at = lambda: int(time.time())
    assert len((await desk.revocations()).entries) == 1


async def test_the_newest_list_counts_and_none_older(theirs: FakeDesk, tmp_path: Path) -> None:
    """Of an old file what it takes back counts; a file of before what is known is passed over."""
    path = tmp_path / "said"
    desk = Desk(theirs.url, Checker(SIGNER.public()), Store(tmp_path), path)
    theirs.away = True
    theirs.entries.append(Revocation(dataset="trees", at=5))
    written(theirs, path, 200)
    with pytest.raises(DeskAway):
        await desk.revocations()
    assert desk.newest is not None
    assert desk.newest.entries
    assert desk.silent(time.time())
    theirs.entries.clear()
    written(theirs, path, 300)
    with pytest.raises(DeskAway):
        await desk.revocations()
    assert desk.newest.entries, "an older list was put back"


@pytest.mark.parametrize("what", ["link", "pipe", "folder", "another key", "no text", "of tomorrow"])
async def test_what_lies_there_instead_of_the_file(theirs: FakeDesk, tmp_path: Path, what: str) -> None:
    """Nothing of it is believed, nor waited for: the desk is asked."""
    path, other = tmp_path / "said", tmp_path / "other"
    written(theirs, other)
    theirs.entries.append(Revocation(dataset="trees", at=5))
    match what:
        case "link":
            path.symlink_to(other)
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "another key":
            path.write_text(FakeDesk.signed(_stranger(theirs)))
        case "no text":
            path.write_bytes(b"\xff" * 100)
        case "of tomorrow":
            written(theirs, path, -86400)
    theirs.issued_at = lambda: int(time.time())
    desk = Desk(theirs.url, Checker(SIGNER.public()), Store(tmp_path), path)
    assert (await desk.revocations()).entries == (Revocation(dataset="trees", at=5),)


def _stranger(theirs: FakeDesk) -> FakeDesk:
    """Return a desk that says the same with a key of its own, and nothing of what was taken back."""
    other = object.__new__(FakeDesk)
    other.signer, other.entries, other.issued_at = Signer(new_key()), [], theirs.issued_at
    return other


async def test_how_long_the_desk_was_not_heard(theirs: FakeDesk, tmp_path: Path) -> None:
    """Counted from its newest list on, also over a restart; without any from the daemon's start on."""
    desk = ours(theirs, tmp_path)
    now = time.time()
    assert not desk.silent(now + SILENT - 10)
    assert desk.silent(now + SILENT + 10)
    began = int(now) - 100
    theirs.issued_at = lambda: began
    with pytest.raises(DeskAway):
        await desk.revocations()
    theirs.issued_at = lambda: began + 35
    with pytest.raises(DeskAway):
        await desk.revocations()
    again = ours(theirs, tmp_path)
    assert again.newest is not None
    assert again.newest.issued_at == began + 35, "kept though nothing changed in it"
    assert not again.silent(began + 35 + SILENT)
    assert again.silent(began + 36 + SILENT)


async def test_a_child_says_what_it_did() -> None:
    """Its answer, or its error, or that it was too late; none is left behind."""
    assert await in_child(lambda: {"pid": os.getpid()}) != {"pid": os.getpid()}
    assert len(await in_child(lambda: "x" * 1_000_000)) == 1_000_000
    with pytest.raises(Failed) as failed:
        await in_child(lambda: os.open("/nowhere", os.O_RDONLY))
    assert (failed.value.kind, failed.value.number) == ("FileNotFoundError", 2)
    with pytest.raises(Failed) as late:
        await in_child(lambda: time.sleep(60), within=0.1)
    assert late.value.kind == "late"
    with pytest.raises(Failed):
        await in_child(lambda: os._exit(1))
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


async def test_children_do_not_wait_for_one_another() -> None:
    """The daemon answers others while one hangs."""
    began = time.monotonic()
    await asyncio.gather(*(in_child(lambda: time.sleep(0.2)) for _ in range(5)))
    assert time.monotonic() - began < 0.8


def test_no_link_is_followed(tmp_path: Path) -> None:
    """Not at the end of a path, not within it, and no way up."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "link").symlink_to("a")
    above = os.open(tmp_path, os.O_PATH)
    os.close(linux.open_beneath(above, "a/b", os.O_PATH))
    for path in ("link", "link/b", "../x", "/etc", "a/b/../../.."):
        with pytest.raises(OSError):
            linux.open_beneath(above, path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
    os.close(above)


def test_a_file_is_no_namespace(tmp_path: Path) -> None:
    """Nobody is led elsewhere by a file with the right name."""
    held = tmp_path / "n1/17/.ns"
    held.parent.mkdir(parents=True)
    held.touch()
    assert Spaces(tmp_path).of(17) == ()
    assert list(Spaces(tmp_path).all()) == []
    descriptor = os.open(held, os.O_RDONLY)
    with pytest.raises(OSError):
        linux.enter(descriptor)
    os.close(descriptor)
