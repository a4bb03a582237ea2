"""From a person's request to a notebook server that Slurm runs for them.

Importing this package costs nothing: the privileged *launch* program imports it too, and must
stay small and quick. Import the modules by name.
"""

__version__ = "0.1.0"
