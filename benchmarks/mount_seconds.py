"""From the asking for a mount, with a fresh grant, to the first byte that the job reads: ours alone.

Everything that a mount waits for is the platform's own: the desk's list of revocations, Slurm, the audit
that has the act on its disk, the kernel. Only the grant is signed here, with the desk's key: making it is
another request of the desk's.
"""

from __future__ import annotations

import json
import secrets
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, percentile_90, say
from benchmarks.ours import PREFIX, Ours
from werkplaats_datasets.catalogue import Catalogue
from werkplaats_datasets.grants import Grant, sign_grant
from werkplaats_datasets.signed import Signer

_PERSON: Final = f"{PREFIX}student"
_PROJECT: Final = "cursus-ai"
_DATASET: Final = "vehicles"
_FEWEST: Final = 20
_WITHIN: Final = 60.0
#: What the job runs: it waits for wishes, carries each out, and writes down how long each took (s).
_INSIDE: Final = """
import json, os, socket, sys, time
def ask(message):
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(sys.argv[1])
        link.sendall(json.dumps(message).encode() + b"\\n")
        return json.loads(link.makefile().readline())
def first(folder):
    return next(os.path.join(where, names[0]) for where, _, names in os.walk(folder) if names)
while not os.path.exists("wishes"):
    time.sleep(0.1)
took = []
for wish in json.load(open("wishes")):
    began = time.monotonic()
    answer = ask(wish)
    with open(first(answer["path"]), "rb") as file:
        assert file.read(1)
    took.append(time.monotonic() - began)
    ask({"want": "unmount", "dataset": answer["dataset"], "job": int(os.environ["SLURM_JOB_ID"])})
with open("half", "w") as file:
    json.dump(took, file)
os.rename("half", "took")
"""


def figures(ours: Ours, root: Path, repeats: int) -> Iterator[Figure]:
    """Mount and unmount again and again in one running job; nothing is comparable to it."""
    count = max(repeats, _FEWEST)
    say(f"  Mounting a dataset {count} times ...")
    with _job(ours, root / "mount-seconds") as (number, folder):
        half = folder / "half-wishes"
        # One more, which is not counted: nobody was asked before it.
        half.write_text(json.dumps([_wish(ours, number) for _ in range(count + 1)]))
        half.rename(folder / "wishes")
        _until(folder / "took")
        took = json.loads((folder / "took").read_text())[1:]
    yield Figure("mount_seconds", statistics.median(took), None, "s", count)
    yield Figure("mount_seconds_p90", percentile_90(took), None, "s", count)


def _wish(ours: Ours, job: int) -> dict[str, str]:
    dataset = Catalogue(ours.instance.catalogue).find(_DATASET)
    if dataset is None:
        raise RuntimeError(f"the catalogue has no {_DATASET}")
    signer = Signer((ours.instance.secrets / "desk-signing-key").read_bytes())
    now = int(time.time())
    grant = Grant(
        id=secrets.token_hex(16),
        entitlement="open",
        person=_PERSON,
        job=job,
        project=_PROJECT,
        dataset=_DATASET,
        version=dataset.record.version,
        tier="open",
        alone=False,
        purpose="",
        issued_at=now,
        expires_at=now + 60,
        ends_at=0,
    )
    return {"want": "mount", "grant": sign_grant(signer, grant)}


@contextmanager
def _job(ours: Ours, folder: Path) -> Iterator[tuple[int, Path]]:
    """Have a job of a person's run the program, in a folder where it finds its wishes."""
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    (folder / "inside.py").write_text(_INSIDE)
    words = ["sbatch", "--parsable", f"--account={_PROJECT}", "--qos=regional", "--mem=200M", "--time=10"]
    inside = f"exec /usr/bin/python3 inside.py {ours.instance.mounts_socket}"
    whose = ["sudo", "-n", "-u", _PERSON, f"SLURM_CONF={ours.instance.slurm_conf}"]
    done = subprocess.run(
        [*whose, *words, f"--chdir={folder}", "--output=log", f"--wrap={inside}"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
        timeout=60,
    )
    number = int(done.stdout)
    try:
        end = time.monotonic() + _WITHIN
        while ours.slurm("squeue", "-h", "-j", str(number), "-o", "%T").strip() != "RUNNING":
            if time.monotonic() > end:
                raise RuntimeError("the job does not run")
            time.sleep(0.1)
        yield number, folder
    finally:
        ours.slurm("scancel", str(number))


def _until(path: Path) -> None:
    end = time.monotonic() + _WITHIN
    while not path.exists():
        if time.monotonic() > end:
            raise RuntimeError(f"the job did not mount: read {path.with_name('log')}")
        time.sleep(0.1)
