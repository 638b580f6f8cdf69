"""Made fonts/ of Noto's variable fonts: one weight of each script, Latin in two, without hints, Han that is in use.

Not run by the program: `python make_fonts.py FROM CJK TO` with fontTools at hand, on Noto's files (as the packages
manimgx-fonts and manimgx-fonts-cjk have them).
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from fontTools import subset  # type: ignore[import-not-found]
from fontTools.ttLib import TTFont  # type: ignore[import-not-found]
from fontTools.varLib import instancer  # type: ignore[import-not-found]

HAN_FACE = 2
"""Of the collection the one whose Han signs are simplified Chinese's."""


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


def made(source: Path, target: Path, weight: int, signs: set[int] | None = None, face: int = -1) -> None:
    """One font."""
    font = TTFont(source, fontNumber=face)
    options = subset.Options(
        hinting=False,
        name_IDs=["*"],
        layout_features=["*"],
        notdef_outline=True,
        ignore_missing_unicodes=True,
    )
    cut = subset.Subsetter(options)
    cut.populate(unicodes=signs or set(font.getBestCmap()))
    cut.subset(font)
    font = instancer.instantiateVariableFont(font, {"wght": weight}, updateFontNames=signs is None)
    font.save(target)
    print(target.name, target.stat().st_size)


def main(plain: Path, cjk: Path, target: Path) -> None:
    """All of them."""
    for source in sorted(plain.glob("Noto*.ttf")):
        name = source.name.partition("[")[0]
        if "Italic" in name:
            continue
        made(source, target / f"{name}-Regular.ttf", 400)
        if name == "NotoSans":
            made(source, target / f"{name}-Bold.ttf", 700)
    made(cjk, target / "NotoSansCJK-Regular.otf", 400, in_use(), HAN_FACE)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
