"""What the parts that handle datasets have in common: records, the catalogue, and signed messages.

The operator's command checks and lays down records, the desk shows and grants them, the mount daemon
carries grants out. They are processes of different users that believe each other's signatures only;
this package is the one place where a message's form stands. It imports nothing of ours.
"""
