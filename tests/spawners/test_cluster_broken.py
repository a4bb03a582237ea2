"""A publisher that breaks, hangs, or is of another version costs nobody a server."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from werkplaats_spawners.cluster import Cluster, Unreachable
from werkplaats_spawners.slurm import Phase

JOB = 17


async def test_without_a_publisher_nothing_is_known(tmp_path: Path) -> None:
    """No socket, or nobody behind it: every job is unknown."""
    verdict = await Cluster(str(tmp_path / "absent")).verdict(JOB, "mkb", 0.0)
    assert verdict.phase is Phase.UNKNOWN
    assert "does not answer" in verdict.reason
    with pytest.raises(Unreachable):
        await Cluster(str(tmp_path / "absent")).certain_view(3.0)


VIEW: dict[str, Any] = {
    "at": 2e9,
    "limits_at": 2e9,
    "error": None,
    "jobs": [],
    "associations": [],
    "qos": [],
    "nodes": [],
    "accounting": {"at": 2e9, "error": None},
}


async def test_the_answer_that_the_others_are_spoilt_from_is_good(tmp_path: Path) -> None:
    """So that each of them is refused for its own fault."""
    path = tmp_path / "queue.socket"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(json.dumps(VIEW).encode() + b"\n")
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        assert (await Cluster(str(path)).view(5.0)).at == 2e9


SENSELESS: list[Any] = [None, 17, "text", ["text"], [{}], [{"name": "regional", "account": "bakery"}]]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\n",
        b"garbage\n",
        json.dumps(VIEW).encode()[:40],  # it was killed while it wrote
        b"null\n",
        b"[]\n",
        b"17\n",
        b'{"error": "unknown message"}\n',  # another version
        json.dumps({**VIEW, "jobs": [{"id": JOB}]}).encode() + b"\n",
        json.dumps({**VIEW, "jobs": None}).encode() + b"\n",
        json.dumps({**VIEW, "at": None}).encode() + b"\n",
        *[
            json.dumps({**VIEW, key: wrong}).encode() + b"\n"
            for key in ("associations", "qos", "nodes", "accounting", "limits_at")
            for wrong in SENSELESS
            if (key, wrong) != ("limits_at", 17)
        ],
        json.dumps({key: VIEW[key] for key in ("at", "error", "jobs", "nodes")}).encode() + b"\n",
        b"\xff\xfe\n",
    ],
)
async def test_an_answer_that_makes_no_sense_is_unknown(tmp_path: Path, answer: bytes) -> None:
    """A publisher that is killed, or of another version, must not cost a running server: poll raises not."""
    path = tmp_path / "queue.socket"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        cluster = Cluster(str(path))
        assert (await cluster.verdict(JOB, "mkb", 0.0)).phase is Phase.UNKNOWN
        with pytest.raises(Unreachable):
            await cluster.certain_view(3.0)


async def test_a_silent_publisher_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that hangs is given up, and the servers are kept."""
    monkeypatch.setattr("werkplaats_spawners.cluster._TIMEOUT", 0.1)
    path = tmp_path / "queue.socket"
    over = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    async with await asyncio.start_unix_server(hang, path):
        verdict = await Cluster(str(path)).verdict(JOB, "mkb", 0.0)
        over.set()
    assert verdict.phase is Phase.UNKNOWN


@pytest.mark.parametrize("answer", [b"garbage\n", b"{}\n", b'{"error": "unknown message"}\n', b""])
async def test_a_verdict_that_makes_no_sense_is_unknown(tmp_path: Path, answer: bytes) -> None:
    """The same for the second question, about a job that the queue lacks."""
    path = tmp_path / "queue.socket"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(await reader.readline())
        writer.write(
            json.dumps({**VIEW, "at": time.time(), "limits_at": 2e9}).encode() + b"\n"
            if asked["want"] == "view"
            else answer
        )
        writer.close()

    async with await asyncio.start_unix_server(serve, path):
        verdict = await Cluster(str(path)).verdict(JOB, "mkb", time.time() - 1)
    assert verdict.phase is Phase.UNKNOWN
