"""A whole facility on one machine: Slurm with its database, the proxy, the Hub and its services.

Everything derives from an *instance* (:mod:`werkplaats_hub.instance`): its root, its ports, its
Slurm. ``make up`` makes the machine's default one; tests and benchmarks make others beside it.
"""
