"""The mount daemon: carries out grants that the desk signed, in the mount namespace of one Slurm job.

It runs as root on each node and believes nobody: it checks the desk's signature, asks the desk what was
taken back, asks Slurm whose the job is, and has the audit write the act down before it is done.
"""
