#!/bin/bash
#SBATCH --job-name=werkplaats
#SBATCH --account=bakery
#SBATCH --qos=regional
#SBATCH --partition=gpu
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --gres=gpu:1
#SBATCH --time=120
#SBATCH --signal=B:USR1@60
#SBATCH --chdir=/home/mkb
#SBATCH --output=/var/lib/w/job-logs/mkb/server-%j.log
#SBATCH --open-mode=append
#SBATCH --no-requeue

# The batch step of a notebook server. Everything that varies came as an #SBATCH line above or in
# the environment, which launch built; nothing in this text is filled in.
set -eu

# A job's /tmp is its own where the node can give it one. Files that a server needs while it runs
# go there, so that it still starts when the home directory is full.
export JUPYTER_RUNTIME_DIR="$(mktemp -d /tmp/werkplaats-runtime.XXXXXXXX)"

# -s and -P: a random.py or a package in the home directory is for notebooks, not for the server.
exec "$WERKPLAATS_NOTEBOOK/bin/python3" -sP -m werkplaats_server
