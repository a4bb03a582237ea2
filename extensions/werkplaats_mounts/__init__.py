"""The mount daemon: a dataset, read-only, into one running job, on a grant that it checks itself."""
