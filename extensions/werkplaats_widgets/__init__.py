"""What a notebook shows of the platform: each thing a widget, and a plain function beside it."""

from __future__ import annotations

from werkplaats_widgets.quota import Quota, numbers, quota

__all__ = ["Quota", "numbers", "quota"]
