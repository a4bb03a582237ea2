"""The peer's configuration: stock batchspawner as its documentation says, for this Slurm.

Where a choice could favour one side, it is made for the peer, or the same at both; each says so.
"""

import json
from pathlib import Path

import batchspawner  # noqa: F401  # as its documentation asks: this registers the route for the port

_HERE = Path(__file__).parent
_given = json.loads((_HERE / "settings.json").read_text())

c = get_config()  # type: ignore[name-defined]  # noqa: F821

load_subconfig(str(_HERE / "peer_jupyterhub_config.py"))  # type: ignore[name-defined]  # noqa: F821

# -- The spawner ------------------------------------------------------------------------------------
# SlurmSpawner itself. This class of batchspawner's adds one thing, for several slurmd on one host, as
# here: the address of a node whose name is not a host's.
c.JupyterHub.spawner_class = "batchspawner.MultiSlurmSpawner"
c.MultiSlurmSpawner.daemon_resolver = dict.fromkeys(_given["nodes"], "127.0.0.1")

# The same job as ours asks for with the flavour gpu-1. Its template has no line for an account and a
# quality of service; they go into its free options.
c.SlurmSpawner.req_nprocs = "4"
c.SlurmSpawner.req_memory = "16G"
c.SlurmSpawner.req_gres = "gpu:1"
c.SlurmSpawner.req_runtime = "120"
c.SlurmSpawner.req_options = "--account=cursus-ai --qos=regional"

# The rest stays as it comes: `sudo -E -u {username}`, the job in a step (`srun`), the log-in
# environment (`--get-user-env`), a look every half second while it starts.

# Commands in a job need their full path: JupyterHub no longer keeps PATH, and the environment is not
# on it. These are people's own servers, of the same environment as ours.
c.SlurmSpawner.batchspawner_singleuser_cmd = f"{_given['root']}/bin/batchspawner-singleuser"
c.SlurmSpawner.cmd = [f"{_given['notebook']}/bin/jupyterhub-singleuser"]
# As ours: open JupyterLab, and leave out its extension manager, which is slow to load.
c.SlurmSpawner.args = ["--ServerApp.default_url=/lab", "--LabApp.extension_manager=readonly"]
c.SlurmSpawner.environment = {
    "SLURM_CONF": _given["slurm_conf"],
    # Switches our extension of that environment off.
    "JUPYTER_CONFIG_PATH": f"{_given['root']}/jupyter",
}
# It would listen on every address of the machine; this machine is not to.
c.SlurmSpawner.req_prologue = 'export JUPYTERHUB_SERVICE_URL="${JUPYTERHUB_SERVICE_URL/0.0.0.0/127.0.0.1}"'
