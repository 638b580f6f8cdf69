"""A week of the live streams, simulated: which runs are begun when, as tasks or processes, and the machines for that.

What takes how long is assumed, and named; the figures are those of deploy/README.md, "From published to visible".
Money is cost.py's.
"""

import heapq
import random
from dataclasses import dataclass
from typing import NamedTuple

SECONDS = 7 * 24 * 3600
MINUTE, HOUR = 60.0, 3600.0
POLL, DEQUEUE = 15.0, 5.0
WORK = {"live": (2.0, 8.0), "verification": (60.0, 300.0), "retention": (5.0, 30.0)}
"""Seconds of a run from its first step to its end."""
BEGIN = {"process": (0.5, 2.0), "EC2": (6.0, 19.0), "FARGATE": (50.0, 95.0)}
"""Seconds until the first step: of a forked process; of a task, with Python and its imports."""
COME, GO = 240.0, 900.0
"""Seconds until a machine that is wanted is there, and that it must have been empty to be taken away."""


class Run(NamedTuple):
    """Of a stream, or of an hour's job."""

    begin: float
    end: float
    kind: str
    is_task: bool


@dataclass
class Machine:
    """Of the group; since: when it came, and when it was last empty."""

    since: float
    tasks: int = 0
    empty: float = 0.0


class Week(NamedTuple):
    """What came of it."""

    runs: int
    tasks: int
    task_hours: float
    machine_hours: float
    most_machines: int
    machines_begun: int
    visible: float
    """Seconds from published to visible, the median of live runs."""


def simulated(
    runs: str, launch: str, services: int, room: int, placement: str = "binpack", seed: int = 1
) -> Week:
    """RUNS, LAUNCH_TYPE, how many services, how many tasks a machine takes."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    found = [one for stream in (0.0, 7.0) for one in _live(runs, launch, stream, chance)]
    waits = sorted(one[1] for one in found)
    all_runs = [one for one, _ in found]
    for kind, at in (("verification", 41 * MINUTE), ("retention", 17 * MINUTE)):
        is_task = runs != "processes"
        for hour in range(SECONDS // 3600):
            begin = hour * HOUR + at
            takes = chance.uniform(*BEGIN[launch if is_task else "process"]) + chance.uniform(*WORK[kind])
            all_runs.append(Run(begin, begin + takes, kind, is_task))
    tasks = [one for one in all_runs if one.is_task]
    hours = sum(one.end - one.begin for one in tasks) / HOUR
    machines = _machines(tasks, services, room, placement) if launch == "EC2" else (0.0, 0, 0)
    return Week(len(all_runs), len(tasks), hours, *machines, waits[len(waits) // 2])


def _live(runs: str, launch: str, offset: float, chance: random.Random) -> list[tuple[Run, float]]:
    """A stream's: a minute is published each minute; what comes while a run is at work is one run with the next."""
    is_task = runs == "tasks"
    found: list[tuple[Run, float]] = []
    phase = chance.uniform(0, POLL)
    now, done = phase, 0
    while now < SECONDS:
        published = int((now - offset) // MINUTE) + 1
        if published <= done:
            now += POLL
            continue
        oldest = offset + done * MINUTE
        begin = now + chance.uniform(0, DEQUEUE)
        ready = begin + chance.uniform(*BEGIN[launch if is_task else "process"])
        end = ready + chance.uniform(*WORK["live"]) * min(published - done, 10)
        found.append((Run(begin, end, "live", is_task), end - oldest))
        done = published
        now = phase + POLL * (int((end - phase) // POLL) + 1)
    return found


def _machines(tasks: list[Run], services: int, room: int, placement: str) -> tuple[float, int, int]:
    """Hours of machines, the most at a time, how many were begun. Services are placed first, and stay."""
    group = [Machine(0.0) for _ in range(-(-services // room))]
    for number in range(services):
        group[number // room].tasks += 1
    hours, most, begun = 0.0, len(group), len(group)
    ends: list[tuple[float, int]] = []
    known = {id(one): one for one in group}
    for run in sorted(tasks):
        while ends and ends[0][0] <= run.begin:
            at, identity = heapq.heappop(ends)
            known[identity].tasks -= 1
            known[identity].empty = at
        for one in [one for one in group if not one.tasks and run.begin - one.empty > GO]:
            group.remove(one)
            hours += (one.empty + GO - one.since) / HOUR
        free = [one for one in group if one.tasks < room]
        chosen = (max if placement == "binpack" else min)(free, key=lambda one: one.tasks, default=None)
        late = 0.0
        if chosen is None:
            chosen, late = Machine(run.begin), COME
            group.append(chosen)
            known[id(chosen)] = chosen
            most, begun = max(most, len(group)), begun + 1
        chosen.tasks += 1
        heapq.heappush(ends, (run.end + late, id(chosen)))
    return hours + sum((SECONDS - one.since) / HOUR for one in group), most, begun
