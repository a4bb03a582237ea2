"""The desk: a Hub service for requests, courses, datasets, questions, and the account of who used what.

It imports nothing else of Werkplaats. What it must know stands in a settings file that root lays
down; Slurm's numbers come over the publisher's socket; people sign in with the Hub's OAuth; what it
grants leaves it as one file a project (:mod:`~werkplaats_desk.outbox`).
"""
