"""For pytest, which runs the doctests here: what JupyterHub reads as configuration is no module."""

collect_ignore_glob = ["*_jupyterhub_config.py"]
