"""How a facility looks and introduces itself: its names, its sentences, its colours."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field, StringConstraints

from werkplaats_spawners.offer import Frozen, Words

DARK: Final = "#12171d"
"""The dark page's background; also in werkplaats.css."""


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two ``#rrggbb`` colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _channels(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]


def _luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        part = channel / 255
        return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(channel) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def lightened(colour: str, *, against: str = DARK, ratio: float = 7.0) -> str:
    """Return `colour` mixed with as much white as it takes to be read `against` a background."""
    for tenths in range(11):
        mixed = "#" + "".join(f"{c + (255 - c) * tenths // 10:02x}" for c in _channels(colour))
        if contrast(mixed, against) >= ratio:
            break
    return mixed


def _bears_white_text(colour: str) -> str:
    if contrast(colour, "#ffffff") < 4.5:
        raise ValueError(f"white text cannot be read on {colour}; choose a darker colour")
    return colour


Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$"), AfterValidator(_bears_white_text)]
"""A colour that white text can be read on, and that can be read on white (WCAG AA, 4.5 to 1)."""


class FacilityLook(Frozen):
    """What the pages say about this facility, and the colours they say it in.

    Attributes
    ----------
    name
        The facility's name, in the header and in every title.
    tagline
        What this is, in one sentence.
    cost
        What it costs.
    privacy
        Who can see a person's data.
    login_hint
        Shown beside the log-in form, such as which names work on a demonstration machine.
    contact
        Whom to ask when something is wrong.
    primary, accent
        The facility's colours, ``#rrggbb``; both must bear white text.
    logo
        Path of an image file for the header; without one the name stands alone.
    demo
        Whether to say on every page that this is a demonstration.
    service_titles
        How the menu calls a Hub service, by the service's name.
    """

    name: Words
    tagline: Words
    cost: Words
    privacy: Words
    login_hint: Words | None = None
    contact: Words | None = None
    primary: Colour = "#0b5351"
    accent: Colour = "#a8480b"
    logo: str | None = None
    demo: bool = False
    service_titles: dict[str, Words] = Field(default_factory=dict)

    @property
    def primary_on_dark(self) -> str:
        """The primary colour, light enough for text on the dark page."""
        return lightened(self.primary)

    @property
    def accent_on_dark(self) -> str:
        """The accent colour, light enough for text on the dark page."""
        return lightened(self.accent)

    def service_title(self, name: str) -> str:
        """Return what the menu calls the service `name`."""
        words = self.service_titles.get(name)
        return words.say() if words else name.capitalize()
