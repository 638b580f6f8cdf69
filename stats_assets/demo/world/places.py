"""Where the invented mappers work, and in which regions that is. Written by hand: no region file is asked."""

from typing import NamedTuple


class Place(NamedTuple):
    """A spot at least 50 km from every border and coast, so that any region file has it in the same regions.

    With `across` (degrees) it is a spot on a border along a parallel: what is drawn there reaches from
    `across` south of it to `across` north of it, and so lies in all of `codes`.
    """

    name: str
    codes: tuple[str, ...]
    latitude: float
    longitude: float
    across: float = 0.0


TOWNS = (
    Place("Nanyuki", ("KEN",), 0.0, 37.8),
    Place("Rio Branco", ("BRA",), 0.0, -61.5),
    Place("Pokhara", ("NPL",), 28.2, 84.0),
    Place("Kapuas Hulu", ("IDN",), 0.0, 113.6),
    Place("Brady", ("USA", "USA-TX"), 31.2, -99.3),
    Place("Hersfeld", ("DEU",), 50.9, 9.7),
    Place("Nagpur", ("IND",), 21.1, 79.1),
    Place("Nagano", ("JPN",), 36.4, 138.2),
)
FORTY_NINTH = Place("49th parallel", ("CAN", "USA", "USA-MT"), 49.0, -106.5, across=0.25)
PANHANDLE = Place("Panhandle", ("USA", "USA-OK", "USA-TX"), 36.5, -101.5, across=0.25)
WADI_HALFA_DESERT = Place("Desert", ("EGY", "SDN"), 22.0, 27.5, across=0.25)
BORDERS = (FORTY_NINTH, PANHANDLE, WADI_HALFA_DESERT)
ATLANTIC = Place("Atlantic", (), 30.0, -40.0)
PLACES = (*TOWNS, *BORDERS, ATLANTIC)
