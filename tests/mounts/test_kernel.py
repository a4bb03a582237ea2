"""The whole of it on the real kernel, in a namespace that stands for a job's: quick, and without Slurm."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.datasets.records import record
from tests.mounts.test_acts import Parts

from single_machine import isolation
from werkplaats_datasets.catalogue import Entry
from werkplaats_datasets.grants import Revocation
from werkplaats_mounts import holders, ids, leaving, linux
from werkplaats_mounts.acts import Caller
from werkplaats_mounts.holders import Search
from werkplaats_mounts.ids import Ids
from werkplaats_mounts.leaving import event
from werkplaats_mounts.mounted import Mounted, Why
from werkplaats_mounts.slurm import Job
from werkplaats_mounts.views import NoView, View, Views
from werkplaats_mounts.watch import Watch

#: Those of Debian's who have no processes. Two runs of these tests, side by side, hardly take the same.
NOBODIES = ("games", "lp", "news", "uucp", "list", "irc")
PERSON = pwd.getpwnam(NOBODIES[os.getpid() % len(NOBODIES)])
CALLER = Caller(PERSON.pw_uid, PERSON.pw_name)
UNMOUNT = b'{"want": "unmount", "dataset": "trees", "job": 17}'

pytestmark = pytest.mark.skipif(
    os.getuid() != 0 or not isolation.find().own_mounts, reason="needs root, and mount namespaces"
)


class Node(Parts):
    """A daemon with one job, of which the namespace is held as Slurm holds it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, own_mounts=True)
        self.started: list[subprocess.Popen[bytes]] = []
        self.caller = CALLER
        self.queue.found = (Job(17, CALLER.name, "onderzoek", "RUNNING"),)
        self.acts.leaving = type(self.acts.leaving)(
            self.acts.store, self.acts.spaces, self.acts.views, self.queue, self.acts.audit
        )
        self.space = folder / "jobs/n1/17/.ns"
        self.space.parent.mkdir(parents=True)
        self.space.touch()
        subprocess.run(
            ["mount", "--bind", "--make-private", self.space.parent, self.space.parent], check=True
        )
        subprocess.run(["unshare", f"--mount={self.space}", "--propagation=private", "true"], check=True)
        self.path = folder / "data/trees"
        self.offer("trees", "oak,1\n")

    def offer(self, name: str, text: str) -> None:
        """Lay a dataset into vault and catalogue."""
        data = self.acts.settings.vault / name / "1.0.0"
        known = self.acts.settings.catalogue / name / "1.0.0"
        data.mkdir(parents=True)
        known.mkdir(parents=True)
        (data / "rows.csv").write_text(text)
        (known / "croissant.json").write_text(json.dumps(record(identifier=name)))
        entry = Entry(size_bytes=1, files=1, checksum="sha256:" + "0" * 64, source="folder", added_at=1)
        (known / "entry.json").write_text(entry.model_dump_json())

    def close(self) -> None:
        """Take the namespace away, and what still runs."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.desk.close()
        self.audit.close()
        subprocess.run(["umount", self.space], check=False)
        subprocess.run(["umount", "--lazy", self.space.parent], check=False)

    def within(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a program of the person's in the job."""
        whose = ["setpriv", f"--reuid={PERSON.pw_uid}", f"--regid={PERSON.pw_gid}", "--clear-groups"]
        return self.run("nsenter", f"--mount={self.space}", *whose, *words)

    def run(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a program that ends with the node."""
        self.started.append(subprocess.Popen(words, stdout=subprocess.PIPE))
        return self.started[-1]


@pytest.fixture
def node() -> Iterator[Node]:
    """A node, in a folder that everybody may walk."""
    folder = Path(subprocess.check_output(["mktemp", "-d", "/var/tmp/mounts-XXXXXX"], text=True).strip())
    folder.chmod(0o755)
    node = Node(folder)
    yield node
    node.close()
    subprocess.run(["rm", "-rf", "--one-file-system", folder], check=True)


async def test_mounted_read_and_unmounted(node: Node) -> None:
    """The job reads it and the node sees nothing; a second mount is the same; then it is gone."""
    assert await node.mount(dataset="trees", person=CALLER.name) == {
        "path": str(node.path),
        "dataset": "trees",
        "version": "1.0.0",
    }
    assert "path" in await node.mount(dataset="trees", person=CALLER.name)
    assert node.within("cat", f"{node.path}/rows.csv").communicate()[0] == b"oak,1\n"
    assert list(node.path.iterdir()) == []
    assert await node.acts.answer(UNMOUNT, CALLER) == {"unmounted": "trees"}
    assert node.within("ls", "-A", str(node.path)).communicate()[0] == b""
    assert len(node.audit.told(kind="mount")) == 1
    assert node.audit.open() == []


@pytest.mark.parametrize("how", ["open", "copy", "files of a thread", "map after the first thread"])
async def test_what_is_held_stays_until_it_is_revoked(node: Node, how: str) -> None:
    """A person's own unmount leaves it; a revocation does not, nor who holds it."""
    await node.mount(dataset="trees", person=CALLER.name)
    thread = "import ctypes, mmap, os, sys, threading, time\nlibc = ctypes.CDLL(None)\ndef hold():\n "
    mapped = (
        "file = open(sys.argv[1]); memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ); file.close()"
    )
    run = "\n print(flush=True); time.sleep(600)\nthreading.Thread(target=hold).start()\n"
    holding = {
        "open": ["sh", "-c", f"exec <{node.path}/rows.csv; echo; exec sleep 600"],
        "copy": ["unshare", "-Urm", "sh", "-c", "echo; exec sleep 600"],
        "files of a thread": [
            *("/usr/bin/python3", "-c", thread + "libc.unshare(0x400); file = open(sys.argv[1])" + run),
            f"{node.path}/rows.csv",
        ],
        "map after the first thread": [
            *("/usr/bin/python3", "-c", thread + mapped + run + "libc.syscall(60, 0)"),
            f"{node.path}/rows.csv",
        ],
    }
    process = node.within(*holding[how])
    assert process.stdout
    assert process.stdout.read(1) == b"\n"
    assert (await node.acts.answer(UNMOUNT, CALLER))["trouble"] == "busy"
    assert node.acts.store.all()[0].state == "mounted"
    node.desk.entries.append(Revocation(dataset="trees", at=int(time.time())))
    await Watch(node.acts).round()
    assert process.wait(timeout=5) == -9
    assert node.acts.store.all() == ()
    assert node.within("ls", "-A", str(node.path)).communicate()[0] == b""
    assert node.audit.open() == []


async def test_a_daemon_that_was_killed_in_the_midst(node: Node) -> None:
    """What was on its way is taken away at the next start, and so is what nobody knows of."""
    await node.mount(dataset="trees", person=CALLER.name)
    [mounted] = node.acts.store.all()
    entry = await node.acts.audit.begin(event("mount", mounted.grant))
    node.acts.store.put(mounted.model_copy(update={"state": "mounting", "view": None, "open_entry": entry}))
    await Watch(node.acts).begin()
    assert node.acts.store.all() == ()
    assert node.within("ls", "-A", str(node.path)).communicate()[0] == b""
    assert node.audit.open() == []
    await node.mount(dataset="trees", person=CALLER.name)
    node.acts.store.drop(node.acts.store.all()[0])
    await Watch(node.acts).begin()
    assert node.within("ls", "-A", str(node.path)).communicate()[0] == b""


async def test_the_audit_hears_later(node: Node) -> None:
    """What is taken back goes also while it is away, and the record stays until it knows."""
    await node.mount(dataset="trees", person=CALLER.name)
    node.audit.away = True
    node.desk.entries.append(Revocation(dataset="trees", at=int(time.time())))
    watch = Watch(node.acts)
    await watch.round()
    assert node.within("ls", "-A", str(node.path)).communicate()[0] == b""
    assert node.acts.store.all()[0].state == "leaving"
    node.audit.away = False
    await watch.round()
    assert node.acts.store.all() == ()
    [told] = node.audit.told(kind="unmount")
    assert (told["outcome"], told["detail"]["why"]) == ("done", "revoked")


async def test_odd_names_hide_nobody(node: Node) -> None:
    """A mount and a process of bytes that are no text: the holder is found all the same."""
    await node.mount(dataset="trees", person=CALLER.name)
    script = (
        "import os, subprocess, time; os.mkdir(b'/tmp/odd'); os.mkdir(b'/tmp/odd/\\xff\\x0b')\n"
        "subprocess.run([b'mount', b'-t', b'tmpfs', b'x', b'/tmp/odd/\\xff\\x0b'], check=True)\n"
        "open('/proc/self/comm', 'wb').write(b'\\xff'); print(flush=True); time.sleep(600)"
    )
    mounting = ["mount", "-t", "tmpfs", "x", "/tmp"]
    process = node.within(
        "unshare", "-Urm", "sh", "-c", f'{" ".join(mounting)}; exec /usr/bin/python3 -c "$0"', script
    )
    assert process.stdout
    assert process.stdout.read(1) == b"\n"
    assert (await node.acts.answer(UNMOUNT, CALLER))["trouble"] == "busy"
    node.desk.entries.append(Revocation(dataset="trees", at=int(time.time())))
    await Watch(node.acts).round()
    assert process.wait(timeout=5) == -9
    assert node.acts.store.all() == ()


async def test_a_search_that_fails_forgets_nothing(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as held: the job is ended, and the next round goes on; others of the person's do too."""
    node.offer("stones", "flint,1\n")
    await node.mount(dataset="trees", person=CALLER.name)
    await node.mount(dataset="stones", person=CALLER.name)
    monkeypatch.setattr(leaving, "_SECONDS", 0.1)
    watch = Watch(node.acts)
    with monkeypatch.context() as broken:
        broken.setattr(Search, "found", lambda search, ending: int("x"))
        assert (await node.acts.answer(UNMOUNT, CALLER))["trouble"] == "busy"
        node.desk.entries.append(Revocation(dataset="trees", at=int(time.time())))
        await watch.round()
        assert "end 17" in node.queue.notes
        assert [one.state for one in node.acts.store.all()] == ["leaving", "mounted"]
    monkeypatch.setattr(leaving, "_SECONDS", 5.0)  # now it finds its way, however busy the machine is
    await watch.round()
    assert [one.grant.dataset for one in node.acts.store.all()] == ["stones"]


async def test_one_that_cannot_be_looked_after_stops_no_other(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in a round nor at the start."""
    node.offer("stones", "flint,1\n")
    for name in ("trees", "stones"):
        await node.mount(dataset=name, person=CALLER.name)
        node.desk.entries.append(Revocation(dataset=name, at=int(time.time())))
    away, watch = leaving.Leaving.at_once, Watch(node.acts)

    async def at_once(self: leaving.Leaving, mounted: Mounted, why: Why) -> None:
        if mounted.grant.dataset == "trees":
            raise ValueError
        await away(self, mounted, why)

    with monkeypatch.context() as broken:
        broken.setattr(leaving.Leaving, "at_once", at_once)
        await watch.round()
        [trees] = node.acts.store.all()
        node.acts.store.put(trees.model_copy(update={"state": "leaving"}))
        await watch.begin()
    await watch.round()
    assert node.acts.store.all() == ()


@pytest.mark.parametrize("alone", [True, False])
async def test_what_had_to_be_alone_takes_the_job_along(node: Node, alone: bool) -> None:
    """Nobody is seen to hold it, and yet a forced leave ends whoever might; of other datasets it does not."""
    sleep = ["sh", "-c", "echo; exec sleep 600"]
    # Made before the view, so no copy is in it; and by a program of the job, as all of the job's are.
    made = "trap 'kill $!' TERM; unshare -Urm sh -c 'echo; exec sleep 600' & wait"
    elsewhere = node.within("sh", "-c", made)
    processes = [elsewhere, node.within(*sleep)]
    assert [process.stdout and process.stdout.read(1) for process in processes] == [b"\n", b"\n"]
    assert "path" in await node.mount(dataset="trees", person=CALLER.name, alone=alone)
    node.desk.entries.append(Revocation(dataset="trees", at=int(time.time())))
    await Watch(node.acts).round()
    assert ("end 17" in node.queue.notes) == alone
    assert node.acts.store.all() == ()
    assert [process.poll() is None for process in processes] == [not alone, not alone]
    for process in processes:
        process.terminate()
        process.wait()


async def test_nothing_of_theirs_runs_outside_the_job(node: Node) -> None:
    """Left by a job that ended, or come in another way: it could look into the job through /proc."""
    alone = {"dataset": "trees", "person": CALLER.name, "alone": True, "tier": "restricted"}
    whose = ["setpriv", f"--reuid={PERSON.pw_uid}", f"--regid={PERSON.pw_gid}", "--clear-groups"]
    for outside in ([], ["unshare", "--mount"]):  # on the node itself, and in a namespace of nobody's job
        process = node.run(*outside, *whose, "sh", "-c", "echo; exec sleep 600")
        assert process.stdout
        process.stdout.read(1)
        answer = await node.mount(**alone)
        assert answer["trouble"] == "programs-elsewhere"
        assert "buiten deze server" in answer["message"]
        assert "path" in await node.mount(dataset="trees", person=CALLER.name, alone=False)
        assert await node.acts.answer(UNMOUNT, CALLER) == {"unmounted": "trees"}
        process.kill()
        process.wait()
    assert "path" in await node.mount(**alone)


async def test_numbers_that_are_theirs_too(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program under a subordinate number is theirs: at the mount, and when the dataset is taken back."""
    taken = 3_141_592
    monkeypatch.setattr(ids.ids_of, "__defaults__", (node.space.parents[3] / "subuid",))
    (node.space.parents[3] / "subuid").write_text(f"{PERSON.pw_name}:{taken - 5}:10\n")
    alone = {"dataset": "trees", "person": CALLER.name, "alone": True}
    sleep = ["setpriv", f"--reuid={taken}", "--regid=60", "--clear-groups", "sh", "-c"]
    outside = node.run(*sleep, "echo; exec sleep 600")
    assert outside.stdout
    outside.stdout.read(1)
    assert (await node.mount(**alone))["trouble"] == "programs-elsewhere"
    outside.kill()
    outside.wait()
    assert "path" in await node.mount(**alone)
    line = f"exec <{node.path}/rows.csv; echo; exec sleep 600"
    holding = node.run("nsenter", f"--mount={node.space}", *sleep, line)
    assert holding.stdout
    holding.stdout.read(1)
    node.desk.entries.append(Revocation(dataset="trees", at=int(time.time())))
    await Watch(node.acts).round()
    assert holding.wait(timeout=5) == -9
    assert node.acts.store.all() == ()


async def test_a_number_that_another_mount_has_now(node: Node) -> None:
    """The kernel gives it away when a mount is gone: who uses the other one has nothing to do with it."""
    await node.mount(dataset="trees", person=CALLER.name)
    view = node.acts.store.all()[0].view
    assert view is not None
    bystander = node.within("sh", "-c", "exec 3</etc/passwd; echo; exec sleep 600")
    assert bystander.stdout
    bystander.stdout.read(1)
    other = linux.mount_of(Path(f"/proc/{bystander.pid}/fdinfo/3").read_text())
    known = node.acts.spaces.numbers()
    assert Search(view.model_copy(update={"mount": other}), Ids(PERSON.pw_uid), known).found() == []
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


async def test_a_disk_whose_files_say_another_device(node: Node) -> None:
    """As btrfs does for each subvolume: who turned their back on the mount is found by what files say."""
    await node.mount(dataset="trees", person=CALLER.name)
    view = node.acts.store.all()[0].view
    assert view is not None
    status = os.stat(node.acts.settings.vault)
    assert view.files == f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    process = node.within("sh", "-c", f"exec <{node.path}/rows.csv; echo; exec sleep 600")
    assert process.stdout
    process.stdout.read(1)
    # Nobody sees the mount any more, and its device is not the one that its files are on.
    await node.acts.views.take(node.space, "trees", lazily=True)
    elsewhere = view.model_copy(update={"mount": 10**9, "device": "0:999"})
    assert Search(elsewhere, Ids(PERSON.pw_uid), ()).found() == [process.pid]
    assert Search(elsewhere.model_copy(update={"files": ""}), Ids(PERSON.pw_uid), ()).found() == []
    process.kill()
    process.wait()


async def test_a_persons_own_unmount_ends_nothing(node: Node) -> None:
    """Also of what had to be alone: the job goes on."""
    process = node.within("sh", "-c", "echo; exec sleep 600")
    assert process.stdout
    assert process.stdout.read(1) == b"\n"
    await node.mount(dataset="trees", person=CALLER.name, alone=True)
    assert await node.acts.answer(UNMOUNT, CALLER) == {"unmounted": "trees"}
    assert "end 17" not in node.queue.notes
    assert process.poll() is None
    process.kill()
    process.wait()


async def test_a_search_that_takes_its_time_stops_nobody(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon answers others meanwhile; one that is late counts as held, and the job is ended."""
    await node.mount(dataset="trees", person=CALLER.name)
    monkeypatch.setattr(leaving, "_SECONDS", 0.5)
    node.desk.entries.append(Revocation(dataset="trees", at=int(time.time())))
    with monkeypatch.context() as slow:
        slow.setattr(Search, "found", lambda search, ending=False: time.sleep(2))
        round_ = asyncio.create_task(Watch(node.acts).round())
        longest = 0.0
        while not round_.done():
            began = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - began)
        assert longest < 0.4
    assert "end 17" in node.queue.notes
    assert [one.state for one in node.acts.store.all()] == ["leaving"]
    await Watch(node.acts).round()
    assert node.acts.store.all() == ()


async def test_who_has_many_threads_and_files_takes_no_longer(node: Node) -> None:
    """What the threads have in common is looked at once."""
    await node.mount(dataset="trees", person=CALLER.name)
    script = (
        "import threading, time\n"
        "files = [open('/dev/null') for _ in range(900)]\n"
        "for _ in range(400): threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "print(flush=True); time.sleep(600)"
    )
    process = node.within("/usr/bin/python3", "-c", script)
    assert process.stdout
    assert process.stdout.read(1) == b"\n"
    began = time.monotonic()
    assert await node.acts.answer(UNMOUNT, CALLER) == {"unmounted": "trees"}
    assert time.monotonic() - began < 2
    process.kill()
    process.wait()


def test_a_number_that_is_somebody_elses_now_is_left_alone() -> None:
    """Between the find and the end the process may have gone, and its number may be given anew."""
    process = subprocess.Popen(["sleep", "600"])
    with holders._kept(process.pid) as kept:
        assert kept is not None
        view = View(mount=1, device="8:1", root="/")
        Search(view, Ids(PERSON.pw_uid), ())._kill(process.pid, kept)
        assert process.poll() is None
        Search(view, Ids(0), ())._kill(process.pid, kept)
        assert process.wait(timeout=5) == -9


async def test_the_mark_stays_for_the_dataset_that_is_left(node: Node) -> None:
    """It goes with the last that must be alone; each round looks whether it is there."""
    node.offer("stones", "flint,1\n")
    for name in ("trees", "stones"):
        await node.mount(dataset=name, person=CALLER.name, alone=True)
    node.queue.notes.clear()
    assert await node.acts.answer(UNMOUNT, CALLER) == {"unmounted": "trees"}
    await Watch(node.acts).round()
    assert node.queue.notes == ["17 stones", "17 stones again"]
    await node.acts.answer(UNMOUNT.replace(b"trees", b"stones"), CALLER)
    assert node.queue.notes[2:] == ["17"]


@pytest.mark.parametrize("known", [True, False])
async def test_what_nobody_knows_of_is_taken_from_whoever_holds_it(node: Node, known: bool) -> None:
    """A mount without a record goes with the copies of it; of an unknown person's the job is ended."""
    await node.mount(dataset="trees", person=CALLER.name)
    hold = {True: ["unshare", "-Urm", "sh"], False: ["sh"]}[known]
    process = node.within(*hold, "-c", f"cd {node.path}; echo; exec sleep 600")
    assert process.stdout
    assert process.stdout.read(1) == b"\n"
    node.acts.store.drop(node.acts.store.all()[0])
    node.queue.away = not known
    await Watch(node.acts).begin()
    assert "end 17" in node.queue.notes
    assert node.within("ls", "-A", str(node.path)).communicate()[0] == b""
    assert node.acts.store.all() == ()
    if not known:  # Slurm does the rest
        process.kill()
    assert process.wait(timeout=5) == -9


async def test_a_mount_that_failed_is_taken_from_whoever_holds_it(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who copied it in the moment that it was there does not keep it; nothing is left, the mark neither."""
    lay, processes = Views.lay, list[subprocess.Popen[bytes]]()

    async def fails(views: Views, space: Path, dataset: str, source: Path) -> View:
        await lay(views, space, dataset, source)
        processes.append(node.within("unshare", "-Urm", "sh", "-c", "echo; exec sleep 600"))
        output = processes[0].stdout
        assert output
        output.read(1)
        raise NoView("failed", "it is not as it should be")

    monkeypatch.setattr(Views, "lay", fails)
    answer = await node.mount(dataset="trees", person=CALLER.name, alone=True)
    assert answer["trouble"] == "failed"
    assert processes[0].wait(timeout=5) == -9
    assert node.acts.store.all() == ()
    assert node.audit.open() == []
    assert node.queue.notes == ["17 trees", "end 17", "17", "17"]
