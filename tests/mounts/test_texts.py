"""What is read: messages, the queue, the kernel's tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from werkplaats_mounts import asked, mountinfo
from werkplaats_mounts.slurm import Job, Slurm, SlurmAway, parse_squeue, squeue, write_note

INFO = r"""45 44 254:0 / / rw,relatime - ext4 /dev/vda rw
70 45 254:0 /vault/trees/1.0.0 /data/trees ro,nosuid,nodev,noexec,relatime,nosymfollow - ext4 /dev/vda rw
71 45 7:0 / /data/a\040b ro - squashfs /dev/loop0 ro
72 70 254:0 /vault/trees/2.0.0 /data/trees ro shared:3 master:1 - ext4 /dev/vda rw
"""


def test_messages() -> None:
    """Each as the reference says; the language is English unless asked."""
    wish = asked.read(b'{"want": "unmount", "dataset": "trees", "job": 17, "language": "nl"}\n')
    assert wish == asked.Unmount(want="unmount", dataset="trees", job=17, language="nl")
    assert asked.read(b'{"want": "mount", "grant": "a.b"}') == asked.Mount(want="mount", grant="a.b")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\n",
        b"\xff\n",
        b"null",
        b"[]",
        b"{}",
        b'{"want": "root"}',
        b'{"want": "mount"}',
        b'{"want": "mount", "grant": 1}',
        b'{"want": "mount", "grant": "a", "path": "/etc"}',
        b'{"want": "mounted", "job": 0}',
        b'{"want": "mounted", "job": true}',
        b'{"want": "mounted", "job": 4294967296}',
        b'{"want": "unmount", "dataset": "../etc", "job": 1}',
        b'{"want": "unmount", "dataset": "a/b", "job": 1}',
        b'{"want": "can", "language": "fr"}',
        b"[" * 100_000,
        json.dumps({"want": "mount", "grant": "x" * 300_000}).encode(),
    ],
)
def test_what_is_no_message_is_none(line: bytes) -> None:
    """It is refused, and breaks nothing."""
    assert asked.read(line) is None


@given(st.binary(max_size=200))
def test_no_bytes_break_it(line: bytes) -> None:
    """Whatever comes."""
    assert asked.read(line) is None or line.strip().startswith(b"{")


def test_the_queue() -> None:
    """One line a job, and the state as Slurm says it."""
    found = parse_squeue("17|mkb|mkb-verkenning|RUNNING|lent\n18|mkb|cursus-ai|CANCELLED|\n")
    assert found == (
        Job(17, "mkb", "mkb-verkenning", "RUNNING", "lent"),
        Job(18, "mkb", "cursus-ai", "CANCELLED"),
    )
    assert [(job.runs, job.over) for job in found] == [(True, False), (False, True)]
    assert parse_squeue("") == ()
    assert "--user=a,b" in squeue(["b", "a"])


@pytest.mark.parametrize("text", ["slurm_load_jobs error\n", "17|mkb|a|RUNNING\n", "x|a|b|c|d\n", "\n"])
def test_what_is_no_queue_is_not_an_empty_one(text: str) -> None:
    """A job is gone on evidence only."""
    with pytest.raises(SlurmAway):
        parse_squeue(text)


def test_mountinfo() -> None:
    """The last mount at a path is what is seen there; blanks in names are blanks."""
    found = mountinfo.parse(INFO)
    assert [one.id for one in found] == [45, 70, 71, 72]
    seen = mountinfo.at(found, "/data/trees")
    assert seen is not None
    assert (seen.id, seen.root) == (72, "/vault/trees/2.0.0")
    assert found[2].point == "/data/a b"
    assert "nosymfollow" in found[1].options
    assert mountinfo.at(found, "/data") is None


def test_no_name_of_a_mount_breaks_the_others(tmp_path: Path) -> None:
    """Not bytes that are no text, not what Python takes for an end of line, not what is no line."""
    line = b"9%d 45 0:40 / /tmp/%s rw - tmpfs x rw\n"
    odd = [b"\xff", b"a\x0b99 45 254:0 / /x rw", b"\x0c", "\x85".encode(), "\u2028".encode(), b"\r7"]
    table = tmp_path / "mountinfo"
    table.write_bytes(b"x 45 0:40 / / rw\n" + b"".join(line % (i, name) for i, name in enumerate(odd)))
    assert [one.id for one in mountinfo.parse(mountinfo.read(table))] == [90, 91, 92, 93, 94, 95]


@pytest.mark.parametrize(
    ("note", "marked"),
    [("\n", True), ("(null)\n", True), ("werkplaats-alone:trees\n", False), ("a note of root's\n", False)],
)
async def test_a_mark_that_went_is_put_back(
    note: str, marked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what somebody else wrote is left."""
    told = []

    async def run(slurm: Slurm, argv: list[str]) -> str:
        told.append(argv)
        return note

    monkeypatch.setattr(Slurm, "_run", run)
    await Slurm(tmp_path).mark_again(17, "trees")
    assert told[1:] == ([write_note(17, "werkplaats-alone:trees")] if marked else [])
