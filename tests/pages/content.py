"""Answers of an invented afternoon, of the shapes that the API sends, for pages to show."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from stats_assets.questions.answer import Answer, Given, Kind

HOSTILE = '"quoted" <b onmouseover=alert(1)> & co'
KINDS = ("added", "modified", "deleted")
ABOUT: dict[str, Any] = {
    "query": {
        "hashtag": ["missingmaps"],
        "combine": "together",
        "clock": "upload",
        "from": "2025-02-20T11:00Z",
        "to": "2025-02-20T14:30Z",
        "tz": "Africa/Nairobi",
    },
    "as_of": "2025-02-20T14:33:12Z",
    "complete_to": "2025-02-20T14:32Z",
    "state": "settling",
    "final_at": "2025-02-20T15:35Z",
    "minutes": {"expected": 210, "missing": 3, "flagged": 1, "older_definitions": 0},
    "coverage": "/api/v1/coverage?from=2025-02-20T11:00Z&to=2025-02-20T14:30Z",
    "counting": "/about/counting",
    "attribution": "© OpenStreetMap contributors, ODbL 1.0",
}
COUNTS = {
    **{
        f"{name}_{kind}": 0
        for name in ("roads", "waterways", "buildings", "pois", "landuse")
        for kind in KINDS
    },
    "roads_added": 88,
    "roads_modified": 60,
    "buildings_added": 1012,
    "buildings_modified": 40,
    "buildings_deleted": 3,
    "pois_added": 30,
    "landuse_added": 10,
}
MEASUREMENTS = {
    "road_km_added": Decimal("41.203118274"),
    "road_km_modified": Decimal("3.118"),
    "road_km_deleted": 0,
    "landuse_km2_added": Decimal("0.00512"),
    "landuse_km2_modified": 0,
    "landuse_km2_deleted": 0,
}
TOTALS: dict[str, Any] = {
    "edits": 1243,
    "changesets": 96,
    "users": 31,
    "unattributed_edits": 0,
    "hidden_users": 1,
    "first": "2025-02-20T11:02:00Z",
    "last": "2025-02-20T14:29:41Z",
    "counts": COUNTS,
    "measurements": MEASUREMENTS,
}
PEOPLE = [
    ("mapper-1101", 1101, 310, 288),
    ("मानचित्र-1103", 1103, 96, 80),
    ("خريطة-1104", 1107, 96, 71),
    (None, 2200000017, 95, 95),
    ("mapper-1107", 1110, 88, 60),
    ("ünïcode-1108", 1108, 71, 70),
    (HOSTILE, 1109, 64, 51),
]


def people() -> list[Mapping[str, Any]]:
    """The leaderboard's rows, with a tie."""
    edits = [row[2] for row in PEOPLE]
    return [
        {
            "rank": edits.index(many) + 1,
            "tied": edits.count(many) > 1,
            "user_id": user_id,
            "name": name,
            "edits": many,
            "changesets": 5,
            "buildings_added": buildings,
            "road_km_added": Decimal("1.25"),
        }
        for name, user_id, many, buildings in PEOPLE
    ]


BOARDS: Mapping[str, Any] = {
    "users": people(),
    "countries": [
        {"rank": 1, "tied": False, "country": "KEN", "name": "Kenya", "edits": 1200},
        {"rank": 2, "tied": False, "country": "USA-TX", "name": "Texas", "edits": 43},
    ],
    "hashtags": [{"rank": 1, "tied": False, "hashtag": "missingmaps", "edits": 1243, "users": 31}],
    "editors": [{"rank": 1, "tied": False, "editor": "JOSM", "edits": 900, "users": 4}],
}
COVERAGE: dict[str, Any] = {
    "as_of": "2025-02-20T14:33:12Z",
    "begins": "2025-02-19T11:30Z",
    "feeds": {
        "augmented_diffs": {
            "complete_to": "2025-02-20T14:32Z",
            "sequence": 6543816,
            "lag_seconds": 72,
            "state": "fine",
        },
        "changesets": {
            "complete_to": "2025-02-20T14:20Z",
            "sequence": 6389201,
            "lag_seconds": 792,
            "state": "behind",
        },
    },
    "made_diffs": None,
    "queued_changesets": 2,
    "window": {
        "from": "2025-02-20T11:00Z",
        "to": "2025-02-20T14:30Z",
        "minutes": 210,
        "missing": [
            {
                "from": "2025-02-20T12:41Z",
                "to": "2025-02-20T12:44Z",
                "why": "quarantined",
                "next_try": "2025-02-21T12:41Z",
            },
        ],
        "flagged": [
            {"from": "2025-02-20T13:05Z", "to": "2025-02-20T13:06Z", "why": "1 geometry could not be built"}
        ],
        "older_definitions": [],
    },
    "verified": {"ended": "2025-02-20T03:10Z", "differences": 0},
}
SERIES = [
    ("14:00", 96, 0),
    ("14:30", 180, 0),
    ("15:00", 214, 0),
    ("15:30", 230, 3),
    ("16:00", 208, 0),
    ("16:30", 190, 0),
    ("17:00", 125, 0),
]


def answer(kind: Kind, given: Given, path: Mapping[str, str] | None = None) -> Answer:
    """As Serving.answer, of this afternoon."""
    asked = dict(given)
    about = {**ABOUT, "query": {**ABOUT["query"], **({"by": asked["by"]} if "by" in asked else {})}}
    content: dict[str, Any] = {"about": about}
    if kind == "totals":
        content["totals"] = TOTALS
    elif kind == "series":
        content["adds_up"] = {"edits": True, "changesets": False, "users": False}
        content["about"]["query"]["by"] = "day" if asked.get("by") == "day" else "30min"
        content["series"] = [
            {
                "from": f"2025-02-20T{start}+03:00",
                "missing_minutes": missing,
                "running": False,
                "edits": edits,
                "changesets": 9,
                "users": 7,
            }
            for start, edits, missing in SERIES
        ]
    elif kind == "leaderboard":
        rows = BOARDS[asked.get("of", "users")]
        if "columns" in asked:
            told = {
                "rank",
                "tied",
                "user_id",
                "name",
                "country",
                "hashtag",
                "editor",
                *asked["columns"].split(","),
            }
            rows = [{key: value for key, value in row.items() if key in told} for row in rows]
        content |= {"total_rows": len(rows), "rows": rows, "next": None}
        content["not_ranked"] = {"unattributed_edits": 14, "hidden_users": 1}
        content["next"] = (
            "/api/v1/leaderboard?limit=25&after=eyJ2Ijo5NX0" if asked.get("of") == "users" else None
        )
    elif kind == "newcomers":
        content["rows"] = [
            {"user_id": 1103, "name": "मानचित्र-1103", "first": "2025-02-20T11:05:00Z", "edits": 96}
        ]
    elif kind == "search":
        content = {"query": asked, "next": None, "results": [SEARCHED]}
    elif kind == "trending":
        content["rows"] = [{"hashtag": "missingmaps", "users": 31, "edits": 1243, "changesets": 96}]
    elif kind == "coverage":
        content = COVERAGE
    elif kind == "badges":
        content = {
            "badges": [
                {"key": "days_25", "name": "days", "level": 25, "title": "25 days", "reached": "2025-05-03"},
                {
                    "key": "own",
                    "name": "own",
                    "level": 1,
                    "title": "of a file <of> yours",
                    "reached": "2025-05-04",
                },
            ]
        }
    return Answer(kind, given, content)


SEARCHED: dict[str, Any] = {
    "type": "hashtag",
    "key": "missingmaps",
    "label": "#missingmaps",
    "match": "similar",
    "changesets": 96,
    "last": "2025-02-20T14:29Z",
    "page": "/h/missingmaps",
}
