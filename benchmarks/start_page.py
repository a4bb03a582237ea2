"""The start page with a long queue: ours and jupyterhub_moss's by turns, on the same Slurm.

Counted is the page's HTML, from the request to the last byte, as a signed-in person on this machine
gets it. What a page loads after that (styles, scripts) is not in it, at neither side.
"""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.integration.browserless import Session

from benchmarks import crowd
from benchmarks.figures import Figure, percentile_90, say
from benchmarks.ours import Ours

#: Jobs that wait in the queue meanwhile.
JOBS: Final = 1000
#: Fewer pages a side say little of what takes milliseconds.
FEWEST: Final = 30
#: Before each request, seconds. After a page our Hub asks for numbers of less than three seconds ago,
#: and moss asks every time: two rests make sure that ours asks after every page as well, all that it
#: can ask. And what Slurm still does for the one side's request is over before the other's.
_REST: Final = 1.7
#: Until a job has started and a page shows it, seconds.
_PATIENCE: Final = 30.0


class NotTheStartPage(Exception):
    """What came back is something else, or shows nothing of Slurm."""


@dataclass(frozen=True)
class Side:
    """One of the two that are compared.

    Attributes
    ----------
    session
        A signed-in person of that Hub; the same one at both.
    in_use
        Reads out of the page what is in use of this person's share or partition.
    """

    name: str
    session: Session
    in_use: Callable[[str], int]


def figures(platform: Ours, url: str, repeats: int) -> list[Figure]:
    """Get the page at each side by turns, and return the median and 90th percentile.

    Parameters
    ----------
    url
        Of the Hub with jupyterhub_moss.
    repeats
        Pages that count, a side; one more goes before them, so that caches are as warm at both.

    Raises
    ------
    NotTheStartPage
        When a page is another one, or does not show the one job that runs.
    """
    count = max(repeats, FEWEST)
    sides = (
        Side("ours", platform.session(platform.instance.url, "student"), gpus_in_use),
        Side("moss", platform.session(url, "student"), cores_in_use),
    )
    with crowd.waiting(platform, JOBS):
        _see_one_start(platform, sides)
        taken: dict[str, list[float]] = {side.name: [] for side in sides}
        for turn in range(count + 1):
            for side in sides:
                time.sleep(_REST)
                taken[side.name].append(_milliseconds(side, in_use=1))
                say(f"  {turn}/{count} {side.name}: {taken[side.name][-1]:.1f} ms")
    ours, theirs = (taken[side.name][1:] for side in sides)
    return [
        Figure("start_page_ms", statistics.median(ours), statistics.median(theirs), "ms", count),
        Figure("start_page_p90_ms", percentile_90(ours), percentile_90(theirs), "ms", count),
    ]


def _see_one_start(platform: Ours, sides: tuple[Side, ...]) -> None:
    """Start one job, and see it on both pages: what they show is what Slurm says at that moment."""
    for side in sides:
        _milliseconds(side, in_use=0)
    who = next(one for one in crowd.members(platform) if one[0] == sides[0].session.name)
    crowd.submit(platform, who)
    end = time.monotonic() + _PATIENCE
    while not all(_shows(side) == 1 for side in sides):  # ours may be ten seconds behind
        if time.monotonic() > end:
            raise NotTheStartPage("the one job that should run does not start, or is not shown")
        time.sleep(1)
    time.sleep(2 * _REST)


def _shows(side: Side) -> int:
    """Return how much is in use by what a page shows."""
    return side.in_use(side.session.page("hub/spawn", allow_redirects=False).text)


def _milliseconds(side: Side, in_use: int) -> float:
    """Return how long the page took, if it is the page, and shows how much is in use."""
    begun = time.perf_counter()
    answer = side.session.page("hub/spawn", allow_redirects=False)
    taken = time.perf_counter() - begun
    if answer.status_code != 200 or side.in_use(answer.text) != in_use:
        raise NotTheStartPage(f"{side.name} answers {answer.status_code}:\n{answer.text}")
    return taken * 1000


_FORM: Final = 'id="spawn_form"'


def gpus_in_use(page: str) -> int:
    """Read our page: the last line of its meter says how many GPUs of the stream are in use.

    >>> gpus_in_use('<form id="spawn_form"><dd>1.000 van 1.000 over</dd><dd>3 van 4 in gebruik</dd>')
    3

    Raises
    ------
    NotTheStartPage
        When there is no form or no meter.
    """
    found = re.findall(r"<dd>(\d+)\D+\d+\D*</dd>", page)
    if _FORM not in page or not found:
        raise NotTheStartPage(page)
    return int(found[-1])


def cores_in_use(page: str) -> int:
    r"""Read moss's page: cores of the partition with GPUs that are not idle.

    >>> data = '{"partitions": {"gpu": {"ncores_total": 64, "ncores_idle": 60}}}'
    >>> cores_in_use(f'<form id="spawn_form"> window.SLURM_DATA = JSON.parse(\'{data}\');')
    4

    Raises
    ------
    NotTheStartPage
        When there is no form, or no numbers of Slurm's.
    """
    found = re.search(r"SLURM_DATA = JSON\.parse\('(.*)'\);", page)
    if _FORM not in page or not found:
        raise NotTheStartPage(page)
    gpu = json.loads(found[1])["partitions"]["gpu"]
    return int(gpu["ncores_total"]) - int(gpu["ncores_idle"])
