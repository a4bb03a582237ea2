"""The example notebooks run as committed: strict nbval, in a Slurm job, as an ordinary person."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.instances import CHECKOUT

from .conftest import PREFIX, Platform

NOTEBOOKS = sorted((CHECKOUT / "example_notebooks").rglob("*.ipynb"))


def nbval(platform: Platform, notebook: Path, shared: Path) -> subprocess.CompletedProcess[str]:
    """Run strict nbval on a copy of a notebook, in a job with a GPU, in people's environment."""
    copy = shared / notebook.name
    copy.write_bytes(notebook.read_bytes())
    sanitize = shared / "sanitize.cfg"
    sanitize.write_bytes((CHECKOUT / "example_notebooks/sanitize.cfg").read_bytes())
    python = platform.instance.notebook / "bin/python3"
    return subprocess.run(
        ["sudo", "-n", "-u", PREFIX + "mkb", f"SLURM_CONF={platform.instance.slurm_conf}",
         "srun", "--account=mkb-verkenning", "--qos=regional", "--gres=gpu:1", "--mem=4G",
         f"--chdir={shared}", str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval",
         f"--nbval-sanitize-with={sanitize}", str(copy)],
        capture_output=True, text=True, check=False, cwd="/", timeout=300,
    )  # fmt: skip


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_gives_the_stored_outputs(platform: Platform, notebook: Path, shared: Path):
    """What is stored is what comes out, in the environment that people really get."""
    done = nbval(platform, notebook, shared)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_altered_output_is_found(platform: Platform, shared: Path):
    """The check can fail: another number in a stored output turns it red."""
    altered = shared / "altered.ipynb"
    altered.write_text(NOTEBOOKS[0].read_text().replace("kilowattuur\\n", "kilowattuurtjes\\n", 1))
    folder = shared / "run"
    folder.mkdir()
    folder.chmod(0o777)
    done = nbval(platform, altered, folder)
    assert done.returncode == 1, done.stdout + done.stderr


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_code_cell_was_executed_in_order(notebook: Path):
    """A cell without a count would pass nbval unchecked; so there is none."""
    cells = json.loads(notebook.read_text())["cells"]
    counts = [cell["execution_count"] for cell in cells if cell["cell_type"] == "code"]
    assert counts == list(range(1, len(counts) + 1))
