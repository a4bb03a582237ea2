"""The peer for starts and memory: a JupyterHub with stock batchspawner."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

from benchmarks.peer import Recipe, site_packages
from single_machine import files
from single_machine.console import Console
from werkplaats_hub.instance import Instance

#: What pip makes of batchspawner's console script, with its library beside the environment and not
#: in it: people's environment is ours, and has no batchspawner.
_SINGLEUSER: Final = """#!{python}
import sys

sys.path.append("{library}")
from batchspawner.singleuser import main

sys.exit(main())
"""


def _lay_down(instance: Instance, root: Path, console: Console) -> None:
    """Put batchspawner where a job finds it: the very files of the Hub's environment."""
    shutil.copytree(site_packages(instance.prefix / "hub") / "batchspawner", root / "lib/batchspawner")
    text = _SINGLEUSER.format(python=instance.notebook / "bin/python3", library=root / "lib")
    files.folder(root / "bin")
    files.write(root / "bin/batchspawner-singleuser", text, 0o755)
    # Ours tells our Hub its port; at the peer nobody listens to that.
    without_ours = {"ServerApp": {"jpserver_extensions": {"werkplaats_server": False}}}
    files.folder(root / "jupyter/jupyter_server_config.d")
    files.write(root / "jupyter/jupyter_server_config.d/stock.json", json.dumps(without_ours))


STOCK: Final = Recipe("stock", 1, ("/usr/bin/sbatch", "/usr/bin/squeue", "/usr/bin/scancel"), _lay_down)
