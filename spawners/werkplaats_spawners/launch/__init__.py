"""The narrow passage to a person's identity.

:mod:`~werkplaats_spawners.launch.program` is what sudo lets the Hub run as a member of the
platform's group; :mod:`~werkplaats_spawners.launch.client` is the Hub's side of it. They exchange
one JSON object each way. The program is handed no text that it puts into a script: it builds the
script itself, from numbers, checked names and the root-owned settings.
"""
