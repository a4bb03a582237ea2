"""The three datasets that come with the platform: made up at install, each by a generator of its own.

A generator is a function ``make(folder, scale)`` that writes the tables, the same ones every time; beside
it lies the record without what only the files can say. Run in people's environment, which has numpy and
pyarrow: ``python -m werkplaats_datasets.bundled NAME FOLDER``.
"""
