"""The peer's configuration: jupyterhub_moss as its README says, for this Slurm.

Where a choice could favour one side, it is made for the peer, or the same at both; each says so.
"""

import json
from pathlib import Path

import batchspawner  # noqa: F401  # as its README asks
import jupyterhub_moss  # type: ignore[import-not-found]  # only its own Hub has it

_HERE = Path(__file__).parent
_given = json.loads((_HERE / "settings.json").read_text())

c = get_config()  # type: ignore[name-defined]  # noqa: F821

load_subconfig(str(_HERE / "peer_jupyterhub_config.py"))  # type: ignore[name-defined]  # noqa: F821
jupyterhub_moss.set_config(c)

# Each partition with one environment: the least that its page can show. The numbers that its README
# calls optional are left out. It asks Slurm for them in the one `sinfo` that it runs anyhow.
_environment = {"default": {"description": "Python", "path": f"{_given['notebook']}/bin/"}}
c.MOSlurmSpawner.partitions = {
    "gpu": {"description": "With GPUs", "architecture": "x86_64", "jupyter_environments": _environment},
    "cpu": {"description": "The rest", "architecture": "x86_64", "jupyter_environments": _environment},
}

# The rest stays as it comes, also `sudo -E -u {username}` before its `sinfo`: a Hub that starts
# servers through batchspawner has it.
