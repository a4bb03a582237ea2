"""The expertise centre at the desk: questions, who answers them, mail, and an expert who looks along.

``models`` and ``states`` are what a question is; ``tickets`` changes one; everything else is built on
those three, and nothing else writes to their tables.
"""
