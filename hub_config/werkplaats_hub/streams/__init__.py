"""Streams, from the facility's file to what Slurm keeps: shares, budgets, limits and people.

The desired state is a value (:mod:`.desired`), what Slurm has is read (:mod:`.present`), the
difference is a list of changes (:mod:`.changes`), and a plan shows them or makes them (:mod:`.plan`).
"""
