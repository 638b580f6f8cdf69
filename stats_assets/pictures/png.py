"""SVG as PNG, by resvg and with fonts that come with the package: the same on every machine, in all scripts.

Which fonts and how they were made: make_fonts.py.
"""

from functools import cache, lru_cache
from importlib import resources

KEPT = 64
"""Pictures: who asks for one that has not changed waits for nothing."""


@lru_cache(KEPT)
def png(svg: str, width: int | None = None) -> bytes:
    """The picture; `width` in pixels, else as its SVG says. Raises ValueError: it is no SVG."""
    import resvg_py

    return resvg_py.svg_to_bytes(
        svg_string=svg,
        width=width,
        skip_system_fonts=True,
        font_files=list(fonts()),
        font_family="Noto Sans",
        sans_serif_family="Noto Sans",
    )


@cache
def fonts() -> tuple[str, ...]:
    """The fonts' paths."""
    there = (str(one) for one in resources.files(__package__).joinpath("fonts").iterdir())
    return tuple(sorted(one for one in there if one.endswith(".ttf")))
