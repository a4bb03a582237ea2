"""Settings of the privileged programs: read only where root alone can have written them.

Standard library only.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def read_json(path: Path) -> Any:
    """Read a JSON file of root's.

    Raises
    ------
    PermissionError
        When the file is not root's, or others may write it.
    """
    status = os.stat(path)
    if status.st_uid != 0 or status.st_mode & 0o022:
        raise PermissionError(f"{path} must be owned by root and writable by nobody else")
    return json.loads(path.read_text())
