"""A year at the expertise centre: what each stream had of its guarantee, in any four weeks.

The rule is the desk's own (``werkplaats_desk.centre.routing``), beside first come, first served, on the
same questions: a year of arrivals with bursts, in which one stream asks for several times what there is.
In each window of four weeks a stream is due the smaller of its guarantee and of what it asked for that
experts could have served for it: those who know about it, in its part of the hours of each of them, as in a
centre of its own. (All hours of all of them cannot be due: two streams could not both have them.) What a
stream fell short of that is the figure.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.figures import Figure, say
from werkplaats_desk.centre.routing import Answerer, Turns

GUARANTEES: Final = {"regional": 0.25, "national": 0.25, "eurohpc": 0.5}
EXPERTS: Final = (
    Answerer("anna", frozenset({"data", "vision", "language"}), hours_per_week=24),
    Answerer("bram", frozenset({"data", "vision"}), hours_per_week=24),
    Answerer("carla", frozenset({"language"}), hours_per_week=16),
    Answerer("daan", frozenset({"data", "vision", "language", "forecasting"}), hours_per_week=32),
)
_WEEKS: Final = 52
_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
_WEEK: Final = 7 * _DAY
_MONTH: Final = 4 * _WEEK
#: How much a stream asks for of its guarantee, one that floods, and the hours of one question.
_USUAL, _FLOOD, _QUESTION = 0.6, 3.0, 3.0
_BURSTS: Final = 6
#: Who chooses the stream: told who waits for this expert, when, and the age of each one's oldest question.
Choose = Callable[[Turns, Mapping[str, float], float], str | None]


@dataclass(frozen=True)
class Asked:
    """One question: when, whose, about what, and how many hours it takes."""

    at: float
    stream: str
    topic: str
    hours: int


@dataclass(frozen=True)
class Hour:
    """An hour of an expert's: who had it (nobody: empty), about what, and the streams that waited for it."""

    at: float
    expert: Answerer
    stream: str
    topic: str
    waiting: frozenset[str]


class Balance(NamedTuple):
    """What a stream had in the four weeks from a moment on, and what it was due (h)."""

    since: float
    stream: str
    had: float
    due: float


def figures(folder: Path, seeds: int) -> Iterator[Figure]:
    """Simulate years, and return the worst shortfall and what was left idle; a plot goes into the folder.

    Parameters
    ----------
    seeds
        Years for each stream that floods, and one without a flood.
    """
    worst: dict[str, float] = defaultdict(float)
    idle: dict[str, int] = defaultdict(int)
    windows = 0
    for flood in (*GUARANTEES, ""):
        for seed in range(seeds):
            asked = arrivals(random.Random(f"{flood}-{seed}"), flood)
            for name, choose in (("ours", by_guarantee), ("first-come", first_come)):
                year = simulate(asked, choose)
                short = [one.due - one.had for one in balance(asked, year)]
                worst[name] = max(worst[name], *short)
                idle[name] += sum(not hour.stream and bool(hour.waiting) for hour in year)
                windows += len(short) if name == "ours" else 0
                if name == "ours" and seed == 0 and flood == "eurohpc":
                    plot(folder / "expert_hours.svg", asked, year)
    say(f"  {windows} windows of four weeks; the plot is {folder / 'expert_hours.svg'}")
    yield Figure("expert_hours_short", worst["ours"], worst["first-come"], "h", windows)
    yield Figure("expert_hours_idle", float(idle["ours"]), float(idle["first-come"]), "h", windows)


def arrivals(chance: random.Random, flood: str) -> list[Asked]:
    """Return a year of questions, the first first."""
    hours = sum(expert.hours_per_week for expert in EXPERTS)
    topics = sorted(frozenset().union(*(expert.topics for expert in EXPERTS)))
    found: list[Asked] = []

    def ask(at: float, stream: str) -> None:
        length = max(1, round(chance.expovariate(1 / _QUESTION)))
        found.append(Asked(at, stream, chance.choice(topics), length))

    for stream, part in GUARANTEES.items():
        each_week = hours * part * (_FLOOD if stream == flood else _USUAL) / _QUESTION
        at = chance.expovariate(each_week) * _WEEK
        while at < _WEEKS * _WEEK:
            ask(at, stream)
            at += chance.expovariate(each_week) * _WEEK
        for _ in range(_BURSTS):
            begins = chance.uniform(0, _WEEKS - 2) * _WEEK
            for _ in range(chance.randint(5, 20)):
                ask(begins + chance.uniform(0, 24 * _HOUR), stream)
    return sorted(found, key=lambda one: one.at)


def agenda() -> list[tuple[float, Answerer]]:
    """Return the hours of all experts in a year: from Monday to Friday, spread over each day."""
    found = []
    for expert in EXPERTS:
        each, more = divmod(int(expert.hours_per_week), 5)
        for week in range(_WEEKS):
            for day in range(5):
                number = each + (day < more)
                for index in range(number):
                    at = week * _WEEK + (day * 24 + 9 + index * 8 / number) * _HOUR
                    found.append((at, expert))
    return sorted(found, key=lambda hour: (hour[0], hour[1].name))


def by_guarantee(turns: Turns, waiting: Mapping[str, float], now: float) -> str | None:
    """Choose as the desk does."""
    return turns.turn(set(waiting), now)


def first_come(_turns: Turns, waiting: Mapping[str, float], _now: float) -> str | None:
    """Choose whose question is the oldest."""
    return min(waiting, key=lambda stream: waiting[stream], default=None)


@dataclass
class _Open:
    """A question that is not answered yet, and the hours that it still takes."""

    one: Asked
    left: int


def simulate(asked: Sequence[Asked], choose: Choose) -> list[Hour]:
    """Return the year hour by hour. Of a stream's questions the one goes first that fewest can answer."""
    turns, queue, come, year = Turns(GUARANTEES), list[_Open](), 0, list[Hour]()
    for at, expert in agenda():
        while come < len(asked) and asked[come].at <= at:
            queue.append(_Open(asked[come], asked[come].hours))
            come += 1
        able = [entry for entry in queue if entry.one.topic in expert.topics]
        oldest: dict[str, float] = {}
        for entry in able:
            oldest.setdefault(entry.one.stream, entry.one.at)
        stream = choose(turns, oldest, at)
        if stream is None:
            year.append(Hour(at, expert, "", "", frozenset(oldest)))
            continue
        entry = min((e for e in able if e.one.stream == stream), key=lambda e: _knowing(e.one.topic))
        year.append(Hour(at, expert, stream, entry.one.topic, frozenset(oldest)))
        turns.worked(at, stream, 60)
        entry.left -= 1
        if entry.left == 0:
            queue.remove(entry)
    return year


def _knowing(topic: str) -> int:
    """Return how many experts can answer about a topic."""
    return sum(topic in expert.topics for expert in EXPERTS)


def balance(asked: Sequence[Asked], year: Sequence[Hour]) -> Iterator[Balance]:
    """Return for every third day and stream what it had in the four weeks from there, and what it was due."""
    for day in range(0, int((_WEEKS * _WEEK - _MONTH) / _DAY) + 1, 3):
        since = day * _DAY
        within = [hour for hour in year if since <= hour.at < since + _MONTH]
        for stream, part in GUARANTEES.items():
            left = _left(stream, asked, year, since)
            coming = [one for one in asked if one.stream == stream and since <= one.at < since + _MONTH]
            had = sum(hour.stream == stream for hour in within)
            yield Balance(since, stream, had, min(part * len(within), _alone(part, left, coming, within)))


def _left(stream: str, asked: Sequence[Asked], year: Sequence[Hour], at: float) -> dict[str, int]:
    """Return the hours, by topic, that a stream's questions still took at a moment."""
    left: dict[str, int] = defaultdict(int)
    for one in asked:
        if one.stream == stream and one.at < at:
            left[one.topic] += one.hours
    for hour in year:
        if hour.stream == stream and hour.at < at:
            left[hour.topic] -= 1
    return left


def _alone(part: float, left: dict[str, int], coming: Sequence[Asked], hours: Sequence[Hour]) -> float:
    """Return what a centre of a stream's own works in some hours: it has its part of each expert's."""
    owed: dict[str, float] = defaultdict(float)
    come = worked = 0
    for hour in hours:
        while come < len(coming) and coming[come].at <= hour.at:
            left[coming[come].topic] += coming[come].hours
            come += 1
        name = hour.expert.name
        able = [topic for topic in sorted(hour.expert.topics) if left[topic] > 0]
        owed[name] = owed[name] + part if able else 0.0
        if able and owed[name] >= 1:
            left[min(able, key=_knowing)] -= 1
            owed[name] -= 1
            worked += 1
    return float(worked)


def plot(path: Path, asked: Sequence[Asked], year: Sequence[Hour]) -> None:
    """Draw what each stream had in four weeks, beside what it was due."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    rows = list(balance(asked, year))
    figure, axes = pyplot.subplots(len(GUARANTEES), sharex=True, figsize=(9, 7), layout="constrained")
    for axis, stream in zip(axes, GUARANTEES, strict=True):
        mine = [row for row in rows if row.stream == stream]
        weeks = [row.since / _WEEK for row in mine]
        axis.plot(weeks, [row.had for row in mine], color="#0b5c68", label="had")
        axis.plot(weeks, [row.due for row in mine], color="#b45309", linestyle="--", label="was due")
        axis.set(title=stream, ylabel="h in four weeks", ylim=(0, None))
    axes[0].legend(loc="upper right")
    axes[-1].set_xlabel("week in which the four weeks begin")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    pyplot.close(figure)
