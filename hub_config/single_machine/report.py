"""What ``make up`` says at the end: the address, and who can sign in."""

from __future__ import annotations

import os
from pathlib import Path

from single_machine.console import Console, StepFailed
from single_machine.secrets import Passwords
from single_machine.up import Up
from werkplaats_hub.facility import Facility
from werkplaats_hub.instance import Instance, short_hostname


def bring_up(instance: Instance, wheel: Path, constraints: Path, facility: Path) -> None:
    """Run ``make up`` on the machine's own instance and print how to begin."""
    console = Console(instance.logs / "up.log")
    with console.step("Reading what you asked for"):
        given = os.environ.get("WERKPLAATS_PORT", "")
        instance = instance.model_copy(update={"port": _port(given) if given else instance.port})
    up = Up(instance, console, wheel, constraints, facility)
    passwords = up.run()
    print(farewell(instance, up.facility, passwords))


def _port(text: str) -> int:
    if not (text.isdigit() and 1024 <= int(text) <= 65535):
        raise StepFailed(
            f"WERKPLAATS_PORT is {text!r}, and not a port",
            "give a number from 1024 to 65535, or leave it out",
        )
    return int(text)


def farewell(instance: Instance, facility: Facility, passwords: Passwords) -> str:
    """Return what a person needs to begin. It is printed, and not kept in the log."""
    lines = ["", f"Werkplaats is up: http://{short_hostname()}:{instance.port}/ (here: {instance.url})"]
    if facility.demo:
        people = [name for name in facility.demo.people if name not in facility.demo.admins]
        lines += [
            "",
            f"Sign in as {', '.join(people)}",
            f"    with the password {passwords.demo}",
            f"or as the operator, {', '.join(facility.demo.admins)}",
            f"    with the password {passwords.admin}",
        ]
    lines += ["", "Look after it with `werkplaats doctor`; stop it with `make down`."]
    return "\n".join(lines)
