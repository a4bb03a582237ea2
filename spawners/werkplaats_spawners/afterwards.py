"""What a page sets going for the next look: not while the person waits for this one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

#: By when a page that is being made is on its way, seconds. What it set going would share its thread.
_ON_ITS_WAY: Final = 0.1


def afterwards(begin: Callable[[], object]) -> None:
    """Call something in a moment, once the page that is being made is out."""
    asyncio.get_running_loop().call_later(_ON_ITS_WAY, begin)
