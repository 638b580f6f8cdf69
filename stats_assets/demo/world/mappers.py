"""The invented mappers, what they write into their changesets, and the hashtags in that, listed by hand."""

from typing import NamedTuple

from stats_assets.demo.world.places import ATLANTIC, BORDERS, TOWNS, Place

RENAMED_AFTER = 24
"""Minutes of the world after which the renamed mapper has the other name."""


class Mapper(NamedTuple):
    """`later`: the name from `RENAMED_AFTER` on."""

    uid: int
    name: str
    editors: tuple[str | None, ...]
    places: tuple[Place, ...]
    later: str | None = None

    def name_at(self, minute: int) -> str:
        return self.later if self.later is not None and minute >= RENAMED_AFTER else self.name


class Remark(NamedTuple):
    """A changeset's tags `comment` and `hashtags`, and the hashtags in them (docs/definitions.md, section 6)."""

    comment: str | None
    hashtags: str | None
    expected: tuple[str, ...]


ANONYMOUS = 0
KENYA, BRAZIL, NEPAL, BORNEO, TEXAS, GERMANY, INDIA, JAPAN = TOWNS

MAPPERS = (
    Mapper(1101, "wanjiru", ("JOSM/1.5 (19253 en)",), (KENYA,)),
    Mapper(1102, "João Silva", ("iD 2.30.4", "StreetComplete 60.1"), (BRAZIL,)),
    Mapper(1103, "सीता", ("iD 2.30.4",), (NEPAL, INDIA)),
    Mapper(1104, "budi_s", ("Vespucci 20.2.3.0", "iD 2.30.4"), (BORNEO,)),
    Mapper(
        1105, "old_survey", ("JOSM/1.5 (19253 de)", "iD 2.30.4"), (GERMANY, KENYA), later="Großer Vermesser"
    ),
    Mapper(1106, "山田太郎", ("JOSM/1.5 (18940 ja)",), (JAPAN,)),
    Mapper(1107, "مريم", ("MapRoulette 3.0", "Every Door Android 5.3"), (KENYA, ATLANTIC)),
    Mapper(1108, 'Zoë "zed" <z> & co', ("iD 2.30.4", None), (TEXAS, INDIA)),
    Mapper(1109, "Дмитрий", ("Potlatch 3.2", "JOSM/1.5 (19253 ru)"), BORDERS),
    Mapper(2_200_000_017, "robot🤖", ("osmtools/0.9",), TOWNS),
)
RENAMED = next(mapper for mapper in MAPPERS if mapper.later is not None)
FOUNDER = Mapper(501, "town planner", ("JOSM/1.5 (4000 en)",), TOWNS)
COMMENTERS = ((9001, "friendly reviewer"), (9002, "გიორგი"))

REMARKS = (
    Remark(
        "Mapping for #MissingMaps and #hotosm-project-14567", None, ("missingmaps", "hotosm-project-14567")
    ),
    Remark("#hotosm-project-14567 #Kenya", "#hotosm-project-14567;#Kenya", ("hotosm-project-14567", "kenya")),
    Remark("roads, roads, roads", None, ()),
    Remark("glued #OneTag#TwoTag", "#OneTag;#TwoTag", ("onetag", "twotag")),
    Remark("#MapHour: buildings (#mapathon2024)", "MapHour;#Mapathon2024", ("maphour", "mapathon2024")),
    Remark("नक्शा #मानचित्र #osmnepal", None, ("मानचित्र", "osmnepal")),
    Remark("地図を直す #地図 #Ünïcode", "#地図", ("地図", "ünïcode")),
    Remark("issue #123 fixed, see #42", None, ()),
    Remark("#🌍 #YouthMappers", "#YouthMappers; #EveryDoor", ("🌍", "youthmappers", "everydoor")),
    Remark(None, "mapathon2024;#OSM_Week", ("mapathon2024", "osm_week")),
    Remark("Karte «besser» & <schöner> #tag_1.", "", ("tag_1",)),
    Remark("#MissingMaps #missingmaps #MISSINGMAPS", "#MissingMaps", ("missingmaps",)),
    Remark(None, None, ()),
    Remark("خريطة #خريطة #hot-tag!", None, ("خريطة", "hot-tag")),
)
