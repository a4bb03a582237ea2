"""The Hub's side: the facility, its streams in Slurm, and how JupyterHub is configured."""
