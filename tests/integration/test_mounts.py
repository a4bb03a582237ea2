"""Datasets in running jobs: on real Slurm, with the real daemon, tried from inside and out."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from single_machine import isolation
from werkplaats_datasets.grants import sign_grant
from werkplaats_datasets.signed import Signer, new_key

from .conftest import PREFIX, Platform, until
from .mounting import Mounting, processes_of, steered

#: From the revocation on, nothing is left after so long (s).
REVOKED_WITHIN = 10
#: How often the daemon is killed.
ROUNDS = 14


@pytest.fixture(scope="module")
def mounting(platform: Platform) -> Iterator[Mounting]:
    """The daemon, with two datasets in the vault."""
    if not isolation.find().own_mounts:
        pytest.skip("this machine allows no mount namespaces; doctor says so")
    with steered(platform) as mounting:
        mounting.folder("trees", "oak,1\n")
        mounting.folder("stones", "flint,1\n")
        yield mounting
        platform.stop_everything()
        platform.wait_until_idle()
        mounting.forget("trees", "stones", "rivers", "paintings")


@pytest.fixture(autouse=True)
def clean(mounting: Mounting) -> Iterator[None]:
    """Leave no job behind, nor a revocation."""
    mounting.audit.lines.clear()
    yield
    for person in ("mkb", "student", "onderzoeker"):
        mounting.platform.run("scancel", f"--user={PREFIX}{person}", check=False)
    mounting.platform.wait_until_idle()
    mounting.desk.entries.clear()
    mounting.desk.away = mounting.audit.away = False
    until(lambda: not list(mounting.state.glob("[0-9]*/*.json")), 20)


@pytest.fixture
def job(mounting: Mounting) -> int:
    """A job that runs, of a regional company."""
    return mounting.job("mkb")


def test_a_job_reads_it_and_can_do_nothing_else_with_it(mounting: Mounting, job: int) -> None:
    """Read-only, no programs, no devices, no way out by a link; and no user can unmount or remount it."""
    path = mounting.data / "trees"
    assert mounting.mount("mkb", job, "trees") == {
        "path": str(path),
        "dataset": "trees",
        "version": "1.0.0",
    }
    assert mounting.within("mkb", job, f"cat {path}/rows.csv") == "oak,1\n=0\n"
    tried = [
        f"touch {path}/new",
        f"rm {path}/rows.csv",
        f"{path}/program",
        f"cat {path}/link",
        f"umount {path}",
        f"mount -o remount,rw {path}",
        f"unshare -Urm mount -o remount,bind,rw {path}",
        f"unshare -Urm umount {path}",
    ]
    for line in tried:
        assert not mounting.within("mkb", job, line).endswith("=0\n"), line
    options = mounting.within("mkb", job, f"grep ' {path} ' /proc/self/mountinfo").split()[5]
    assert {"ro", "nosuid", "nodev", "noexec", "nosymfollow"} <= set(options.split(","))
    assert (mounting.platform.instance.vault / "trees/1.0.0/rows.csv").read_text() == "oak,1\n"
    [begun] = mounting.audit.told(kind="mount")
    assert (begun["person"], begun["dataset"], begun["job"]) == (f"{PREFIX}mkb", "trees", job)
    assert mounting.audit.open() == []


def test_it_is_seen_by_that_job_alone(mounting: Mounting, job: int) -> None:
    """The host and another person's job have an empty folder; the vault is closed."""
    other = mounting.job("student")
    mounting.mount("mkb", job, "trees")
    assert list((mounting.data / "trees").iterdir()) == []
    assert mounting.within("student", other, f"ls -A {mounting.data}/trees") == "=0\n"
    vault = mounting.platform.instance.vault
    for role, number in (("mkb", job), ("student", other)):
        assert not mounting.within(role, number, f"ls {vault}").endswith("=0\n")
    assert mounting.ask("mkb", {"want": "mounted", "job": job})[0]["mounted"][0]["dataset"] == "trees"
    assert mounting.ask("student", {"want": "mounted", "job": job}) == [{"mounted": []}]
    answer = mounting.unmount("student", job, "trees")
    assert answer["trouble"] == "not-mounted"


def test_it_is_gone_when_the_job_ends(mounting: Mounting, job: int) -> None:
    """And the audit is told so."""
    mounting.mount("mkb", job, "trees")
    mounting.platform.run("scancel", str(job))
    until(lambda: not mounting.record(job, "trees").exists(), 20)
    [end] = mounting.audit.told(kind="end")
    assert (end["job"], end["outcome"]) == (job, "done")
    assert mounting.audit.open() == []
    assert str(mounting.data / "trees") not in Path("/proc/self/mountinfo").read_text()


def test_bad_grants_are_refused(mounting: Mounting, job: int) -> None:
    """Another's, an altered one, of another key, of another time, for another job; each is written down."""
    other, now = mounting.job("student"), int(time.time())
    good = mounting.grant("mkb", job, "trees")
    signed = mounting.wish(good)
    altered = {**signed, "grant": signed["grant"][:40] + "A" + signed["grant"][41:]}
    strange = {**signed, "grant": sign_grant(Signer(new_key()), good)}
    wishes = {
        "another-person": mounting.wish(good.model_copy(update={"person": PREFIX + "student"})),
        "forged": altered,
        "expired": mounting.wish(good.model_copy(update={"issued_at": now - 90, "expires_at": now - 30})),
        "early": mounting.wish(good.model_copy(update={"issued_at": now + 90, "expires_at": now + 150})),
        "ended": mounting.wish(good.model_copy(update={"ends_at": now - 1})),
        "another-job": mounting.wish(mounting.grant("mkb", other, "trees")),
        "another-project": mounting.wish(mounting.grant("mkb", job, "trees", project="onderzoek")),
        "no-data": mounting.wish(mounting.grant("mkb", job, "clouds")),
        "unknown-message": {"want": "mount", "grant": signed["grant"], "path": "/etc"},
    }
    answers = mounting.ask("mkb", *wishes.values(), strange)
    assert [answer["trouble"] for answer in answers] == [*wishes, "forged"]
    assert all(answer["message"] for answer in answers)
    assert mounting.mounts(job) == []
    assert len(mounting.audit.told(kind="refusal")) == len(wishes)  # all but what is no message
    assert mounting.audit.open() == []
    assert mounting.ask("student", signed)[0]["trouble"] == "another-person"
    assert "trouble" not in mounting.ask("mkb", signed)[0]


def test_an_id_that_is_a_path_is_refused(mounting: Mounting, job: int) -> None:
    """Even where the desk's own key signed it."""
    raw = json.loads(mounting.grant("mkb", job, "trees").model_dump_json())
    for dataset in ("../trees", "..", "trees/../../etc", "/etc", "trees\0"):
        body = json.dumps({**raw, "dataset": dataset}).encode()
        wish = {"want": "mount", "grant": mounting.signer.sign("werkplaats-grant-v1", body)}
        assert mounting.ask("mkb", wish)[0]["trouble"] == "forged"
        answer = mounting.ask("mkb", {"want": "unmount", "dataset": dataset, "job": job})[0]
        assert answer["trouble"] == "unknown-message"
    assert mounting.mounts(job) == []


def test_a_grant_is_good_once_also_over_a_restart(mounting: Mounting, job: int) -> None:
    """What is mounted stays while the daemon is restarted, and a grant that was used stays used."""
    wish = mounting.wish(mounting.grant("mkb", job, "trees"))
    mounting.ask("mkb", wish)
    assert mounting.ask("mkb", wish)[0]["trouble"] == "replayed"
    mounting.restart()
    assert mounting.mounts(job) == [str(mounting.data / "trees")]
    assert mounting.ask("mkb", wish)[0]["trouble"] == "replayed"
    assert mounting.unmount("mkb", job, "trees") == {"unmounted": "trees"}
    assert mounting.ask("mkb", wish)[0]["trouble"] == "replayed"
    assert mounting.mounts(job) == []
    assert mounting.audit.open() == []


def test_a_grant_for_a_job_that_ended(mounting: Mounting, job: int) -> None:
    """It is refused, and so is one for a job that waits."""
    mounting.platform.run("scancel", str(job))
    mounting.platform.wait_until_idle()
    assert mounting.mount("mkb", job, "trees")["trouble"] == "not-running"
    words = ["sbatch", "--parsable", "--hold", "--account=mkb-verkenning", "--qos=regional", "--mem=100M"]
    waiting = mounting.platform.run(*words, "--output=/dev/null", "--wrap=true", user=PREFIX + "mkb")
    assert mounting.mount("mkb", int(waiting), "trees")["trouble"] == "not-running"


def test_a_link_where_the_mount_point_should_be(mounting: Mounting, job: int) -> None:
    """It is refused, and nothing is mounted where it points to; a folder that others may write to as well."""
    point, elsewhere = mounting.data / "stones", mounting.platform.instance.state / "elsewhere"
    shutil.rmtree(point, ignore_errors=True)
    elsewhere.mkdir()
    point.symlink_to(elsewhere)
    try:
        assert mounting.mount("mkb", job, "stones")["trouble"] == "bad-place"
        point.unlink()
        point.mkdir()
        point.chmod(0o777)
        assert mounting.mount("mkb", job, "stones")["trouble"] == "bad-place"
        assert mounting.audit.open() == []
        assert mounting.mounts(job) == []
    finally:
        point.rmdir()
        elsewhere.rmdir()
    assert mounting.mount("mkb", job, "stones")["path"] == str(point)


def test_a_hundred_in_a_row(mounting: Mounting, job: int) -> None:
    """Mounted and unmounted a hundred times, each in far less than a second, and nothing is left."""
    messages = []
    for _ in range(100):
        messages.append(mounting.wish(mounting.grant("mkb", job, "trees")))
        messages.append({"want": "unmount", "dataset": "trees", "job": job})
    answers = mounting.timed("mkb", *messages)
    assert [answer for answer, _ in answers if "trouble" in answer] == []
    assert max(seconds for _, seconds in answers) < 1
    assert mounting.mounts(job) == []
    assert mounting.audit.open() == []


def test_two_at_once(mounting: Mounting, job: int) -> None:
    """Of many who ask for the same at once all get the same answer, and it is mounted once."""
    many = 6
    asking = [
        subprocess.Popen(
            mounting.asking(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            user=PREFIX + "mkb",
            group=PREFIX + "mkb",
            extra_groups=[],
            cwd="/",
        )
        for _ in range(many)
    ]
    wishes = [json.dumps(mounting.wish(mounting.grant("mkb", job, "trees"))) for _ in asking]
    for one, wish in zip(asking, wishes, strict=True):
        assert one.stdin
        one.stdin.write(wish.encode() + b"\n")
        one.stdin.flush()
    answers = [json.loads(one.communicate(timeout=30)[0])[0] for one in asking]
    assert {answer.get("path") for answer in answers} == {str(mounting.data / "trees")}
    assert mounting.mounts(job) == [str(mounting.data / "trees")]
    assert len(mounting.audit.told(kind="mount")) == 1
    other = mounting.mount("mkb", job, "trees", version="2.0.0")
    assert other["trouble"] == "other-version"


def test_a_daemon_that_is_killed_leaves_nothing_half_mounted(mounting: Mounting, job: int) -> None:
    """Killed again and again at any moment: afterwards each mount is whole and known, or not there."""
    whole = 0
    for delay in [n * 0.006 for n in range(ROUNDS)]:
        grant = mounting.grant("mkb", job, "trees")
        wish = mounting.wish(grant)
        daemon = mounting.platform.supervisor.pid("mounts")
        asking = subprocess.Popen(
            mounting.asking(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=PREFIX + "mkb",
            group=PREFIX + "mkb",
            extra_groups=[],
            cwd="/",
        )
        assert asking.stdin
        asking.stdin.write(json.dumps(wish).encode() + b"\n")
        asking.stdin.flush()
        until_there(mounting.state / "used" / grant.id)
        time.sleep(delay)
        os.kill(daemon, signal.SIGKILL)
        asking.communicate(timeout=30)
        mounting.until_up()
        mounted = mounting.mounts(job)
        listed = mounting.ask("mkb", {"want": "mounted", "job": job})[0]["mounted"]
        assert len(mounted) == len(listed) <= 1
        whole += len(mounted)
        if mounted:
            assert mounting.unmount("mkb", job, "trees") == {"unmounted": "trees"}
        assert mounting.mounts(job) == []
    assert 0 < whole < ROUNDS, "killed always too late or always too early"
    # Between an entry of the audit and the record that knows of it nothing was done yet.
    assert len(mounting.audit.open()) <= 3


def until_there(path: Path) -> None:
    """Wait for a file, to the millisecond."""
    end = time.monotonic() + 5
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.0005)


HOLDS = {
    "file": "import time; file = open('{path}/rows.csv'); time.sleep(3600)",
    "map": (
        "import mmap, time; file = open('{path}/rows.csv'); "
        "held = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ); file.close(); time.sleep(3600)"
    ),
    "folder": "import os, time; os.chdir('{path}'); time.sleep(3600)",
    "flight": (
        "import array, socket, time; a, b = socket.socketpair(); file = open('{path}/rows.csv'); "
        "socket.send_fds(a, [b'x'], [file.fileno()]); file.close(); time.sleep(3600)"
    ),
}


#: In a namespace of its own making it turns its back on everything that was copied there, but for one file.
HIDDEN = """
import ctypes, os, time
file, libc = open('{path}/rows.csv'), ctypes.CDLL(None)
os.mkdir('/tmp/n')
failed = libc.mount(b'none', b'/tmp/n', b'tmpfs', 0, None)
os.mkdir('/tmp/n/o')
os.chdir('/tmp/n')
failed = failed or libc.syscall({pivot_root}, b'.', b'o') or libc.umount2(b'/o', 2)
os.chdir('/')
if not failed:
    time.sleep(3600)
"""


@pytest.mark.parametrize("how", [*HOLDS, "namespace", "hidden"])
def test_revoked_while_it_is_held(mounting: Mounting, job: int, how: str, shared: Path) -> None:
    """Open, mapped, stood in, in flight in a socket, copied into a namespace: all gone, and the job ended."""
    path = mounting.data / "trees"
    mounting.mount("mkb", job, "trees", entitlement="access-9", tier="restricted")
    if how == "namespace":
        line = "exec unshare -Urm sleep 3600"
    elif how == "hidden":
        (shared / "hidden.py").write_text(HIDDEN.format(path=path, pivot_root=155))
        line = f"exec unshare -Urm /usr/bin/python3 {shared}/hidden.py"
    else:
        line = f'exec /usr/bin/python3 -c "{HOLDS[how].format(path=path)}"'
    words = ["srun", f"--jobid={job}", "--overlap", "--mem=0", "--quiet", "sh", "-c", line]
    conf = f"SLURM_CONF={mounting.platform.instance.slurm_conf}"
    holding = subprocess.Popen(
        ["sudo", "-n", "-u", PREFIX + "mkb", conf, *words],
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(2.5)
    assert holding.poll() is None
    mounting.revoke(entitlement="access-9")
    took = until(
        lambda: (
            not mounting.record(job, "trees").exists()
            and mounting.platform.state(job) in ("COMPLETING", "CANCELLED", "COMPLETED", "FAILED")
        ),
        REVOKED_WITHIN,
    )
    print(f"{how}: gone after {took:.1f} s")
    until(lambda: processes_of(PREFIX + "mkb") == set(), REVOKED_WITHIN - took)
    holding.wait(timeout=20)
    [unmount] = mounting.audit.told(kind="unmount")
    assert unmount["detail"]["why"] == "revoked"
    assert mounting.audit.open() == []


def test_revoked_while_nothing_holds_it(mounting: Mounting, job: int) -> None:
    """It goes, the job stays, and it cannot be mounted again; other datasets stay."""
    mounting.mount("mkb", job, "trees", entitlement="acceptance-3")
    mounting.mount("mkb", job, "stones")
    mounting.revoke(entitlement="acceptance-3")
    until(lambda: mounting.mounts(job) == [str(mounting.data / "stones")], REVOKED_WITHIN)
    assert mounting.platform.state(job) == "RUNNING"
    until(lambda: not mounting.record(job, "trees").exists(), 5)
    answer = mounting.mount("mkb", job, "trees", entitlement="acceptance-3", issued_at=int(time.time()) - 5)
    assert answer["trouble"] == "revoked"
    mounting.restart()
    assert mounting.mounts(job) == [str(mounting.data / "stones")]


def test_a_mount_goes_when_its_time_is_over(mounting: Mounting, job: int) -> None:
    """Without anybody saying so."""
    mounting.mount("mkb", job, "trees", ends_at=int(time.time()) + 3)
    assert mounting.mounts(job) != []
    until(lambda: mounting.mounts(job) == [], 12)
    assert mounting.platform.state(job) == "RUNNING"


def test_the_persons_own_unmount_waits_for_their_programs(mounting: Mounting) -> None:
    """What is open stays, and a sentence says why."""
    job = mounting.job("mkb", f"sleep 3; exec sleep 3600 <{mounting.data}/trees/rows.csv")
    mounting.mount("mkb", job, "trees")
    time.sleep(3.5)
    answer = mounting.unmount("mkb", job, "trees")
    assert answer["trouble"] == "busy"
    assert mounting.mounts(job) != []
    assert mounting.platform.state(job) == "RUNNING"
    assert mounting.audit.open() == []


def test_a_copy_keeps_what_the_person_would_unmount(mounting: Mounting) -> None:
    """Nobody keeps a copy in a namespace of their own that no steward can take back any more."""
    flag = f"{mounting.platform.instance.homes}/{PREFIX}mkb/copied"
    script = f"until test -e {mounting.data}/trees/rows.csv; do sleep 0.1; done; "
    job = mounting.job("mkb", f"{script} unshare -Urm sh -c 'touch {flag}; exec sleep 3600'")
    mounting.mount("mkb", job, "trees")
    until(lambda: Path(flag).exists(), 10)
    assert mounting.unmount("mkb", job, "trees")["trouble"] == "busy"
    assert mounting.mounts(job) == [str(mounting.data / "trees")]
    mounting.revoke(dataset="trees")
    until(lambda: not mounting.record(job, "trees").exists(), REVOKED_WITHIN)
    until(lambda: processes_of(PREFIX + "mkb") == set(), 10)


def test_alone(mounting: Mounting) -> None:
    """Not while anything else of theirs runs or waits; marked in Slurm; gone with its job at a second."""
    job, other = mounting.job("onderzoeker"), mounting.job("onderzoeker")
    restricted = {"tier": "restricted", "alone": True, "entitlement": "access-1"}
    assert mounting.mount("onderzoeker", job, "trees", **restricted)["trouble"] == "others-run"
    assert note(mounting, job) == ""
    mounting.platform.run("scancel", str(other))
    until(lambda: mounting.platform.state(other) == "CANCELLED", 20)
    assert "path" in mounting.mount("onderzoeker", job, "trees", **restricted)
    assert note(mounting, job) == "werkplaats-alone:trees"
    mounting.unmount("onderzoeker", job, "trees")
    assert note(mounting, job) == ""
    assert "path" in mounting.mount("onderzoeker", job, "trees", **restricted)
    # Slurm takes no other job of theirs now; root's word is another matter.
    with pytest.raises(AssertionError, match="werkplaats-alone"):
        mounting.job("onderzoeker")
    second = mounting.job("onderzoeker", by_root=True)
    # Nobody can say who holds what in a job: it is ended with its mount.
    until(lambda: mounting.spaces(job) == [], 10)
    until(lambda: mounting.platform.state(job) == "CANCELLED", 10)
    assert mounting.platform.state(second) == "RUNNING"


def note(mounting: Mounting, job: int) -> str:
    """Return the note on a job."""
    return mounting.platform.run("squeue", "-h", "-j", str(job), "-O", "admin_comment:100").strip()


def test_no_audit_no_mount(mounting: Mounting, job: int) -> None:
    """Nor without the desk; what the audit missed of a revocation it hears later."""
    mounting.audit.away = True
    assert mounting.mount("mkb", job, "trees")["trouble"] == "audit-away"
    assert mounting.mounts(job) == []
    mounting.audit.away, mounting.desk.away = False, True
    assert mounting.mount("mkb", job, "trees")["trouble"] == "desk-away"
    mounting.desk.away = False
    mounting.desk.issued_at = lambda: int(time.time()) - 3600
    assert mounting.mount("mkb", job, "trees")["trouble"] == "desk-away"
    mounting.desk.issued_at = lambda: int(time.time())
    mounting.mount("mkb", job, "trees", entitlement="access-2")
    mounting.audit.away = True
    mounting.revoke(entitlement="access-2")
    until(lambda: mounting.mounts(job) == [], REVOKED_WITHIN)
    assert mounting.record(job, "trees").exists()
    mounting.audit.away = False
    until(lambda: not mounting.record(job, "trees").exists(), 10)
    [told] = mounting.audit.told(kind="unmount")
    assert (told["outcome"], told["detail"]["why"]) == ("done", "revoked")


def test_a_dataset_replaced_while_it_is_mounted(mounting: Mounting, job: int) -> None:
    """Who has it mounted goes on seeing what it was."""
    folder = mounting.folder("rivers", "old\n")
    mounting.mount("mkb", job, "rivers")
    folder.rename(folder.with_name("1.0.0-old"))
    mounting.folder("rivers", "new\n")
    path = mounting.data / "rivers/rows.csv"
    assert mounting.within("mkb", job, f"cat {path}") == "old\n=0\n"
    mounting.unmount("mkb", job, "rivers")
    mounting.offer("rivers", withdrawn_at=5)
    assert mounting.mount("mkb", job, "rivers")["trouble"] == "no-data"
    mounting.offer("rivers")
    mounting.mount("mkb", job, "rivers")
    assert mounting.within("mkb", job, f"cat {path}") == "new\n=0\n"


def test_an_image(mounting: Mounting, job: int, tmp_path: Path) -> None:
    """A squashfs is mounted the same way, and its loop device goes with it."""
    tmp_path.chmod(0o755)
    (tmp_path / "rows.csv").write_text("from an image\n")
    folder = mounting.platform.instance.vault / "paintings"
    folder.mkdir()
    mounting.offer("paintings")
    subprocess.run(
        ["mksquashfs", str(tmp_path), str(folder / "1.0.0.squashfs"), "-quiet", "-no-progress"], check=True
    )
    before = loops()
    path = mounting.data / "paintings"
    assert mounting.mount("mkb", job, "paintings")["path"] == str(path)
    assert mounting.within("mkb", job, f"cat {path}/rows.csv") == "from an image\n=0\n"
    assert not mounting.within("mkb", job, f"touch {path}/new").endswith("=0\n")
    assert len(loops()) == len(before) + 1
    assert mounting.unmount("mkb", job, "paintings") == {"unmounted": "paintings"}
    until(lambda: loops() == before, 5)
    mounting.mount("mkb", job, "paintings")
    mounting.platform.run("scancel", str(job))
    until(lambda: loops() == before, 15)


def loops() -> list[str]:
    """Return the loop devices that are in use."""
    return [str(path) for path in Path("/sys/block").glob("loop*/loop/backing_file")]


#: Forty connections that say nothing, and some that say what is no message.
CROWD = """
import socket, sys, time
def link():
    made = socket.socket(socket.AF_UNIX)
    made.connect(sys.argv[1])
    return made
quiet = [link() for _ in range(40)]
for line in (b"x" * 2_000_000, b"[" * 100_000 + b"\\n", b"\\0\\n"):
    try:
        link().sendall(line)
    except OSError:
        pass
print("open", flush=True)
time.sleep(60)
"""


def test_nobody_keeps_others_from_being_heard(mounting: Mounting, job: int) -> None:
    """Long lines, nonsense and many open connections of one person: the next who asks is answered."""
    crowding = subprocess.Popen(
        ["/usr/bin/python3", "-c", CROWD, str(mounting.platform.instance.mounts_socket)],
        stdout=subprocess.PIPE,
        user=PREFIX + "student",
        group=PREFIX + "student",
        extra_groups=[],
        cwd="/",
    )
    try:
        assert crowding.stdout
        assert crowding.stdout.readline() == b"open\n"
        assert "path" in mounting.mount("mkb", job, "trees")
    finally:
        crowding.kill()
        crowding.wait()
