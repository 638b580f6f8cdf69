"""Makes the fonts of pictures of Noto's variable ones: one of all scripts, a bold one of Latin, Greek and Cyrillic.

One font, as resvg finds no second one for a line in which signs of several scripts are joined. Of Han what is in use.
Not run by the program: `python make_fonts.py FROM CJK PARTS TO` with fontTools at hand, on Noto's files (the packages
manimgx-fonts and manimgx-fonts-cjk have them). OFL allows it; LICENSE.txt beside them goes with them.
"""

import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from fontTools import subset  # type: ignore[import-not-found]
from fontTools.fontBuilder import FontBuilder  # type: ignore[import-not-found]
from fontTools.merge import Merger  # type: ignore[import-not-found]
from fontTools.pens.cu2quPen import Cu2QuPen  # type: ignore[import-not-found]
from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-not-found]
from fontTools.ttLib import TTFont  # type: ignore[import-not-found]
from fontTools.ttLib.scaleUpem import scale_upem  # type: ignore[import-not-found]
from fontTools.varLib import instancer  # type: ignore[import-not-found]

HAN_FACE = 2
"""Of the collection the one whose Han signs are simplified Chinese's."""
UNITS = 1000
FAMILY = "Noto Sans"


def in_use() -> set[int]:
    """Han of the first levels of GB 2312, JIS X 0208 and Big5, Kana, and Hangul of KS X 1001."""
    found = set(range(0x3000, 0x3100)) | set(range(0xFF00, 0xFFF0)) | set(range(0x3105, 0x3130))
    for codec, rows in (
        ("gb2312", range(0xB0, 0xD8)),
        ("euc_jp", range(0xB0, 0xD0)),
        ("euc_kr", range(0xB0, 0xC9)),
        ("big5", range(0xA4, 0xC7)),
    ):
        trails: Iterable[int] = range(0x40, 0xFF) if codec == "big5" else range(0xA1, 0xFF)
        for row in rows:
            for trail in trails:
                text = bytes((row, trail)).decode(codec, "ignore")
                found |= {ord(text)} if len(text) == 1 else set()
    return found


def cut(font: Any, signs: set[int], features: list[str]) -> Any:
    """What is needed of these signs alone."""
    options = subset.Options(
        hinting=False, layout_features=features, notdef_outline=True, ignore_missing_unicodes=True
    )
    options.drop_tables += ["STAT", "MVAR", "DSIG", "meta", "vhea", "vmtx", "VORG", "BASE"]
    cutting = subset.Subsetter(options)
    cutting.populate(unicodes=signs)
    cutting.subset(font)
    return font


def of_weight(font: Any, weight: int) -> Any:
    """A plain font."""
    return instancer.instantiateVariableFont(font, {"wght": weight})


def as_quadratic(font: Any, signs: set[int], weight: int) -> Any:
    """A plain font of these signs, with TrueType's curves and no layout: Han and Hangul need none."""
    glyphs, cmap = font.getGlyphSet(location={"wght": weight}), font.getBestCmap()
    kept = {sign: cmap[sign] for sign in sorted(signs) if sign in cmap}
    order, drawn = [".notdef", *dict.fromkeys(kept.values())], {}
    for name in order:
        pen = TTGlyphPen(None)
        glyphs[name].draw(Cu2QuPen(pen, 1.0, reverse_direction=True))
        drawn[name] = pen.glyph()
    built = FontBuilder(UNITS, isTTF=True)
    built.setupGlyphOrder(order)
    built.setupCharacterMap(kept)
    built.setupGlyf(drawn)
    built.setupHorizontalMetrics({name: (round(glyphs[name].width), 0) for name in order})
    built.font["hmtx"].metrics = {
        name: (width, drawn[name].xMin if drawn[name].numberOfContours else 0)
        for name, (width, _) in built.font["hmtx"].metrics.items()
    }
    built.setupHorizontalHeader(ascent=1069, descent=-293)
    built.setupNameTable({"familyName": FAMILY, "styleName": "Regular"})
    built.setupOS2()
    built.setupPost()
    return built.font


def part(source: Path, others: list[Path], target: Path) -> None:
    """What one font has that those before it have not."""
    if target.exists():
        return
    known: set[int] = set().union(*(TTFont(one).getBestCmap() for one in others))
    if source.suffix == ".ttc":
        font = as_quadratic(TTFont(source, fontNumber=HAN_FACE), in_use() - known, 400)
    else:
        font = TTFont(source)
        font = of_weight(cut(font, set(font.getBestCmap()) - known, ["*"]), 400)
        if font["head"].unitsPerEm != UNITS:
            scale_upem(font, UNITS)
    font.save(target)
    print(source.name, target.stat().st_size, flush=True)


def main(plain: Path, cjk: Path, parts: Path, target: Path) -> None:
    """Both of them."""
    sources = sorted((one for one in plain.glob("Noto*.ttf") if "Italic" not in one.name), key=_order)
    made = [parts / f"{place:02}.ttf" for place in range(len(sources) + 1)]
    with ProcessPoolExecutor(4) as pool:
        each = [*sources, cjk]
        jobs = [pool.submit(part, one, each[:place], made[place]) for place, one in enumerate(each)]
        for job in jobs[::-1]:
            job.result()
    bold = TTFont(sources[0])
    of_weight(cut(bold, set(bold.getBestCmap()), ["*"]), 700).save(target / "NotoSans-Bold.ttf")
    Merger().merge(list(map(str, made))).save(target / "NotoSans-Regular.ttf")


def _order(path: Path) -> tuple[bool, bool, str]:
    name = path.name.partition("[")[0]
    return name != "NotoSans", name in ("NotoEmoji", "NotoSansSymbols"), name


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]))
