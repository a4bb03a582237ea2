
# The batch step of a notebook server. Everything that varies came as an #SBATCH line above or in
# the environment, which launch built; nothing in this text is filled in.
set -eu

# A job's /tmp is its own where the node can give it one. Files that a server needs while it runs
# go there, so that it still starts when the home directory is full.
export JUPYTER_RUNTIME_DIR="$(mktemp -d /tmp/werkplaats-runtime.XXXXXXXX)"

# -s and -P: a random.py or a package in the home directory is for notebooks, not for the server.
exec "$WERKPLAATS_NOTEBOOK/bin/python3" -sP -m werkplaats_server
