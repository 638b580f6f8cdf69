"""The world's truth: its own book added up, as docs/definitions.md, sections 6 and 7, want it. Reads no feed file.

Measurements are strings of exact decimals, times ISO 8601 in UTC, everything else JSON as it is.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from stats_assets.demo.truth.book import Entry
from stats_assets.demo.truth.tally import Json, Known, Member, Tally
from stats_assets.demo.world.mappers import ANONYMOUS
from stats_assets.demo.world.world import World

TOP = 10
TOP_HASHTAGS_OF_A_USER = 50


def truth(world: World, *, augmented_diffs: int, changesets: int) -> Json:
    """What the statistics hold when exactly the diffs first..`augmented_diffs` and the changeset files
    first..`changesets` were applied. Either may be one below the first: then none of that feed were.
    """
    if augmented_diffs >= world.first:
        world.augmented_diff(augmented_diffs)
    entries = [entry for entry in world.book.entries if entry.sequence <= augmented_diffs]
    names = _names(world, entries, changesets)
    known = _changesets(world, entries, changesets)
    counted = [changeset for _, changeset in sorted(known.items()) if changeset.all.counts]
    return {
        "augmented_diffs": {"first": world.first, "last": augmented_diffs},
        "changesets_feed": {"first": world.changesets_first, "last": changesets},
        "changesets": {str(number): _changeset(known[number], names) for number in sorted(known)},
        "users": _users(counted, names),
        "hashtags": _hashtags(counted),
        "countries": _countries(counted),
        "hashtag_users": _hashtag_users(counted, names),
        "days": {
            "users": _days(_by_user(counted)),
            "hashtags": _days(_by_hashtag(counted)),
            "countries": _days(_by_country(counted)),
        },
        "errors": [
            {"sequence": m.sequence, "changeset": m.changeset, "type": m.ref[0], "id": m.ref[1]}
            for m in world.book.mishaps
            if m.sequence <= augmented_diffs
        ],
    }


def _changesets(world: World, entries: Iterable[Entry], last: int) -> dict[int, Known]:
    known: dict[int, Known] = {}
    for entry in entries:
        changeset = known.setdefault(entry.changeset, Known(entry.changeset))
        changeset.uid = entry.uid
        changeset.newest_edit = max(entry.at, changeset.newest_edit or entry.at)
        changeset.all.add(entry, len(entry.counts))
        for code in entry.countries:
            changeset.countries[code].add(entry, 1)
    for sequence in range(world.changesets_first, last + 1):
        for metadata in world.changeset_file(sequence).file.changesets:
            changeset = known.setdefault(metadata.id, Known(metadata.id))
            changeset.metadata = metadata
            changeset.closed_at = metadata.closed_at or changeset.closed_at
    return known


def _names(world: World, entries: Iterable[Entry], last: int) -> dict[int, str]:
    """The name with the newest evidence: its time, changesets before diffs, the sequence, the name."""
    newest: dict[int, tuple[datetime, int, int, str]] = {}

    def witness(uid: int, name: str, time: datetime, rank: int, sequence: int) -> None:
        if uid != ANONYMOUS and name:
            evidence = (time, rank, sequence, name)
            newest[uid] = max(newest.get(uid, evidence), evidence)

    for entry in entries:
        witness(entry.uid, entry.user, entry.at, 0, entry.sequence)
    for sequence in range(world.changesets_first, last + 1):
        file = world.changeset_file(sequence).file
        for metadata in file.changesets:
            if file.newest is not None:
                witness(metadata.uid, metadata.user, file.newest, 1, sequence)
    return {uid: evidence[3] for uid, evidence in newest.items()}


def _changeset(changeset: Known, names: Mapping[int, str]) -> Json:
    metadata = changeset.metadata
    return {
        "uid": changeset.user,
        "user": names.get(changeset.user) if changeset.user is not None else None,
        "editor": changeset.editor,
        "comment": metadata.remark.comment if metadata else None,
        "created_at": _time(metadata.created_at) if metadata else None,
        "closed_at": _time(changeset.closed_at) if changeset.closed_at else None,
        "open": changeset.closed_at is None if metadata else None,
        "hashtags": list(changeset.hashtags),
        "total_edits": changeset.all.edits,
        **changeset.all.json(),
        "countries": {
            code: {"edit_count": tally.edits, **tally.json()}
            for code, tally in sorted(changeset.countries.items())
        },
    }


def _by_user(counted: Iterable[Known]) -> dict[int, list[Member]]:
    groups: dict[int, list[Member]] = defaultdict(list)
    for changeset in counted:
        if changeset.user is not None:
            groups[changeset.user].append(Member(changeset, changeset.all))
    return groups


def _by_hashtag(counted: Iterable[Known]) -> dict[str, list[Member]]:
    groups: dict[str, list[Member]] = defaultdict(list)
    for changeset in counted:
        for tag in changeset.hashtags:
            groups[tag].append(Member(changeset, changeset.all))
    return groups


def _by_country(counted: Iterable[Known]) -> dict[str, list[Member]]:
    groups: dict[str, list[Member]] = defaultdict(list)
    for changeset in counted:
        for code, tally in changeset.countries.items():
            groups[code].append(Member(changeset, tally))
    return groups


def _users(counted: Iterable[Known], names: Mapping[int, str]) -> Json:
    return {
        str(uid): {
            "name": names.get(uid),
            **_aggregate(members),
            **_breakdown("editor", members, lambda changeset: [changeset.editor], TOP),
            **_breakdown("day", members, lambda changeset: [f"{changeset.time:%Y-%m-%d}"], None),
            **_countries_of(members),
            **_breakdown("hashtag", members, lambda changeset: changeset.hashtags, TOP_HASHTAGS_OF_A_USER),
        }
        for uid, members in sorted(_by_user(counted).items())
    }


def _hashtags(counted: Iterable[Known]) -> Json:
    return {
        tag: {**_aggregate(members), **_breakdown("user", members, lambda changeset: [changeset.user], TOP)}
        for tag, members in sorted(_by_hashtag(counted).items())
    }


def _countries(counted: Iterable[Known]) -> Json:
    return {
        code: {
            **_aggregate(members),
            **_breakdown("user", members, lambda changeset: [changeset.user], TOP),
            **_breakdown("hashtag", members, lambda changeset: changeset.hashtags, TOP),
        }
        for code, members in sorted(_by_country(counted).items())
    }


def _days(groups: Mapping[int, list[Member]] | Mapping[str, list[Member]]) -> Json:
    """Each owner's UTC days."""
    found: Json = {}
    for owner, members in groups.items():
        days: dict[str, list[Member]] = defaultdict(list)
        for member in members:
            days[f"{member.changeset.time:%Y-%m-%d}"].append(member)
        found[str(owner)] = {day: _sums(of_the_day) for day, of_the_day in sorted(days.items())}
    return found


def _hashtag_users(counted: Iterable[Known], names: Mapping[int, str]) -> Json:
    groups: dict[tuple[str, int], list[Member]] = defaultdict(list)
    for changeset in counted:
        for tag in changeset.hashtags:
            if changeset.user is not None:
                groups[tag, changeset.user].append(Member(changeset, changeset.all))
    found: Json = {}
    for (tag, uid), members in sorted(groups.items()):
        found.setdefault(tag, {})[str(uid)] = {"name": names.get(uid), **_aggregate(members)}
    return found


def _sums(members: list[Member]) -> Json:
    total = Tally()
    for member in members:
        total.merge(member.tally)
    return {"changeset_count": len(members), "edit_count": total.edits, **total.json()}


def _aggregate(members: list[Member]) -> Json:
    times = [member.changeset.time for member in members]
    return {**_sums(members), "first_edit": _time(min(times)), "last_edit": _time(max(times))}


def _breakdown(
    name: str, members: Iterable[Member], keys: Callable[[Known], Iterable[int | str | None]], top: int | None
) -> Json:
    """`<name>_changesets` and `<name>_edits`, of the `top` keys with most edits; a tie is the smaller
    key's.
    """
    changesets: Counter[int | str] = Counter()
    edits: Counter[int | str] = Counter()
    for changeset, tally in members:
        for key in keys(changeset):
            if key is not None:
                changesets[key] += 1
                edits[key] += tally.edits
    # Keys are all numbers or all texts; sorted() is stable, so that ties stay in the keys' order.
    best = sorted(sorted(edits, key=lambda key: (str(type(key)), key)), key=lambda key: -edits[key])[:top]
    return {
        f"{name}_changesets": {str(key): changesets[key] for key in best},
        f"{name}_edits": {str(key): edits[key] for key in best},
    }


def _countries_of(members: Iterable[Member]) -> Json:
    """A user's countries: what of the user's edits lies there."""
    changesets: Counter[str] = Counter()
    edits: Counter[str] = Counter()
    for changeset, _ in members:
        for code, tally in changeset.countries.items():
            changesets[code] += 1
            edits[code] += tally.edits
    return {
        "country_changesets": dict(sorted(changesets.items())),
        "country_edits": dict(sorted(edits.items())),
    }


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
