"""The audit: what was done with datasets, in a chain that cannot be changed unseen."""
