"""What this machine's name means, in /etc/hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

from single_machine.hosts import mend, mended


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1 localhost\n10.0.0.7 vm\n",  # a real address is the site's own affair
        "127.0.0.1 localhost vm\n",
        "127.0.1.1 other\n",
        "# 127.0.1.1 vm\n",
        "127.0.1.1 other # vm\n",
        "",
    ],
)
def test_nothing_else_is_changed(text: str) -> None:
    """Only the installer's line for this machine's own name is changed."""
    assert mended(text, "vm") == text


def test_the_installers_line_is_changed_once(tmp_path: Path) -> None:
    """The second run finds it as it should be, and the rest of the file is kept to the letter."""
    path = tmp_path / "hosts"
    path.write_text("# mine\n127.0.1.1\tvm.example\tvm  # set up\n::1 localhost")
    assert mend("vm", path)
    assert path.read_text() == "# mine\n127.0.0.1\tvm.example\tvm  # set up\n::1 localhost"
    assert not mend("vm", path)


def test_a_machine_without_the_file(tmp_path: Path) -> None:
    """There is nothing to change, and that is no fault."""
    assert not mend("vm", tmp_path / "absent")
