"""The narrow passage by which a newcomer gets an account.

:mod:`~werkplaats_spawners.enrol.program` is what sudo lets the Hub run as root: a name in; a system
user and the association for first steps out. :mod:`~werkplaats_spawners.enrol.people` is how it, and
``make up``, make a person of this machine. :mod:`~werkplaats_spawners.enrol.client` is the Hub's side,
and :mod:`~werkplaats_spawners.enrol.newcomers` knows who is on the way.
"""
