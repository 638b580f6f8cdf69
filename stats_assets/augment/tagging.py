"""An element's tags as bytes: a number each for the words that most of OpenStreetMap's tags are made of.

Here: tags alone. The lists are part of the store's format: a change of theirs is a new format (`store_folder.py`).
"""

from stats_assets.augment.varints import put, put_text, take, take_text

_COMMON_KEYS = """\
building highway source name addr:housenumber addr:street addr:city addr:postcode natural surface landuse
addr:country power waterway oneway lanes service maxspeed access amenity building:levels barrier ref
height layer lit foot bicycle sidewalk tracktype bridge name:en wall smoothness leisure width crossing
type railway place start_date shop operator website phone tunnel addr:state addr:district addr:suburb
addr:place addr:hamlet created_by note wikidata wikipedia sport religion parking opening_hours leaf_type
ele junction boundary admin_level tiger:cfcc tiger:county tiger:reviewed tiger:name_base tiger:name_type
source:date roof:shape roof:levels material gauge electrified voltage tourism man_made public_transport
bus network route from to motor_vehicle horse segregated cycleway noexit wheelchair intermittent entrance
tactile_paving kerb crossing:markings traffic_signals direction fence_type denotation species genus
leaf_cycle historic emergency check_date alt_name old_name int_name name:ru name:fr name:de name:ja
name:ar name:uk design cables colour"""
_COMMON_VALUES = """\
yes no residential service house tree track footway private wood water garage path unclassified asphalt
unpaved ground paved concrete tertiary secondary primary stream driveway river detached apartments
parking_aisle sidewalk crossing multipolygon farmland grass meadow forest scrub wetland wall fence hedge
gate power_pole pole tower line minor_line tree_row bus_stop uncontrolled marked unmarked zebra
traffic_signals street_lamp bench pitch parking swimming_pool shed roof hut industrial commercial retail
school church place_of_worship broadleaved needleleaved separate both left right none surface gravel dirt
sand compacted fine_gravel paving_stones cycleway steps pedestrian living_street trunk motorway
motorway_link turning_circle give_way stop kerb lowered raised permissive customers designated destination
grade1 grade2 grade3 grade4 grade5 good bad intermediate excellent 1 2 3 4 5 6 -1 30 50 60 bing Bing
survey rail ditch drain semidetached_house terrace farmyard orchard"""
KEYS, VALUES = _COMMON_KEYS.split(), _COMMON_VALUES.split()
_KEYS = {word: number for number, word in enumerate(KEYS, 1)}
_VALUES = {word: number for number, word in enumerate(VALUES, 1)}

Tags = tuple[tuple[str, str], ...]


def put_tags(out: bytearray, tags: Tags) -> None:
    """Append tags in their order: how many, then of each key and value its word's number, or 0 and the text."""
    put(out, len(tags))
    for key, value in tags:
        if number := _KEYS.get(key):
            put(out, number)
        else:
            out.append(0)
            put_text(out, key)
        if number := _VALUES.get(value):
            put(out, number)
        else:
            out.append(0)
            put_text(out, value)


def take_tags(data: bytes, at: int) -> tuple[Tags, int]:
    """The tags that begin there, and where the next thing begins."""
    length, at = take(data, at)
    tags = []
    for _ in range(length):
        number, at = take(data, at)
        key, at = (KEYS[number - 1], at) if number else take_text(data, at)
        number, at = take(data, at)
        value, at = (VALUES[number - 1], at) if number else take_text(data, at)
        tags.append((key, value))
    return tuple(tags), at
