"""The notebook server's side of a start: run in a job, lay out the examples, tell the Hub the port.

``python -m werkplaats_server`` is what the batch script runs; it becomes JupyterLab as a
single-user server of JupyterHub, with this package as a server extension in it.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    return [{"module": "werkplaats_server.extension"}]
