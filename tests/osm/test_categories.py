"""Categories: the packaged table, and what a user's own may be (docs/definitions.md, section 3)."""

from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stats_assets.osm.categories import ELEMENTS, MOST, Categories, CategoriesError
from tests.categories import AREAS, LENGTHS, MEASURED
from tests.osm.documents import the_categories

WATERWAYS = ["river", "riverbank", "canal", "stream", "stream_end", "brook", "drain", "ditch", "dam", "weir"]
NOTHING = ["", " ", "no", " No ", "NO;", ";;", "no;no", "\u00a0no\u3000"]
KEYS = {
    **dict.fromkeys(("amenity", "shop", "craft", "office", "leisure", "aeroway"), "pois"),
    "highway": "roads",
    "railway": "raillines",
    "building": "buildings",
    "landuse": "landuse",
    "natural": "natural",
}
ALL, LINES = "node way relation", "way relation"


@pytest.mark.parametrize(
    ("tags", "elements", "categories"),
    [
        ({"highway": "residential"}, LINES, ["roads"]),
        ({"highway": "crossing"}, "node", ["other"]),
        *(({key: nothing}, ALL, ["other"]) for key in KEYS for nothing in NOTHING),
        *(({key: "no; x"}, "way", [category]) for key, category in KEYS.items()),
        ({"building": "none"}, ALL, ["buildings"]),
        ({"building": ";false; 0 ;"}, ALL, ["other"]),
        ({"highway": "false"}, LINES, ["roads"]),
        ({"highway": "no", "building": "yes"}, LINES, ["buildings"]),
        ({"waterway": "no;river"}, LINES, ["waterways"]),
        ({"railway": "no;station"}, ALL, ["railway_features"]),
        ({"railway": "rail", "landuse": "no"}, LINES, ["raillines"]),
        *(({"waterway": value}, LINES, ["waterways"]) for value in WATERWAYS),
        ({"waterway": "waterfall"}, LINES, ["waterways"]),
        ({"waterway": "pressurised"}, LINES, ["waterways"]),
        ({"waterway": " Stream "}, LINES, ["waterways"]),
        ({"waterway": "x;DITCH"}, LINES, ["waterways"]),
        ({"waterway": "fuel"}, ALL, ["other"]),
        ({"waterway": "weir"}, "node", ["other"]),
        ({"natural": "coastline"}, LINES, ["coastlines", "natural"]),
        ({"natural": "coastline"}, "node", ["natural"]),
        ({"natural": "tree"}, ALL, ["natural"]),
        ({"railway": "rail"}, LINES, ["raillines"]),
        ({"railway": "level_crossing"}, "node", ["other"]),
        ({"railway": "station"}, ALL, ["railway_features"]),
        ({"railway": "yard;rail"}, ALL, ["railway_features"]),
        ({"landuse": "railway"}, ALL, ["landuse", "railway_features"]),
        ({"landuse": "railway", "railway": "rail"}, LINES, ["landuse", "railway_features"]),
        ({"building": "yes"}, ALL, ["buildings"]),
        ({"building": "no"}, ALL, ["other"]),
        ({"building": "False"}, ALL, ["other"]),
        ({"building": "0; no"}, ALL, ["other"]),
        ({"building": "no;yes"}, ALL, ["buildings"]),
        *(
            ({key: "x"}, ALL, ["pois"])
            for key in ("amenity", "shop", "craft", "office", "leisure", "aeroway")
        ),
        ({"amenity": "x", "shop": "no"}, ALL, ["pois"]),
        ({"landuse": "x"}, ALL, ["landuse"]),
        ({"name": "x"}, ALL, ["other"]),
        ({"Highway": "track"}, ALL, ["other"]),  # keys are what they are
        ({"highway": "x", "building": "x", "shop": "x"}, LINES, ["buildings", "pois", "roads"]),
        ({}, ALL, []),
    ],
)
def test_the_packaged_table(tags: dict[str, str], elements: str, categories: list[str]) -> None:
    for element in elements.split(" "):
        assert list(the_categories().of(element, tags)) == categories


def test_measures_of_the_packaged_table() -> None:
    found = {c.name: (c.length, c.area) for c in the_categories().categories.values() if c.length or c.area}
    assert found == {name: (LENGTHS.get(name), AREAS.get(name)) for name in MEASURED}


def loaded(tmp_path: Path, text: str) -> Categories:
    path = tmp_path / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return Categories.load(path)


def test_a_users_own_table(tmp_path: Path) -> None:
    own = loaded(
        tmp_path,
        """
        categories:
          trees:
            elements: [node]
            any: [{natural: [tree, shrub]}, {no: [yes, 1]}]
          walls:
            any: [barrier]
            except: [trees]
            length: wall_km
        """,
    )
    assert own.of("node", {"natural": "tree"}) == ("trees",)
    assert own.of("node", {"no": "yes", "barrier": "x"}) == ("trees",)
    assert own.of("way", {"natural": "tree"}) == ()
    assert own.of("way", {"barrier": "wall"}) == ("walls",)
    assert all(own.of(element, {"name": "x"}) == () for element in ELEMENTS)


def test_absent_values_in_a_users_own_table(tmp_path: Path) -> None:
    own = loaded(
        tmp_path,
        """
        categories:
          any: {any: [barrier]}
          listed: {any: [{access: [no, private]}]}
          without: {any: [{noexit: {not: [maybe]}}]}
          rest: {otherwise: true}
        """,
    )
    for nothing in NOTHING:
        assert own.of("way", {"barrier": nothing}) == ("rest",)
        assert own.of("way", {"noexit": nothing}) == ("rest",)
        assert own.of("way", {"noexit": f"maybe;{nothing}"}) == ("rest",)
    assert own.of("way", {"barrier": "no;wall"}) == ("any",)
    assert own.of("way", {"noexit": "no;yes"}) == ("without",)
    # who lists `no` means it
    assert own.of("way", {"access": "No"}) == ("listed",)
    assert own.of("way", {"access": ""}) == ("rest",)


def test_the_hash_is_that_of_the_meaning(tmp_path: Path) -> None:
    first = loaded(tmp_path, "categories:\n  a: {any: [x, {y: [b, a]}]}\n  b: {otherwise: true}\n")
    same = loaded(
        tmp_path, "# said again\ncategories:\n  b: {otherwise: true}\n  a:\n    any: [{y: [a, b]}, 'x']\n"
    )
    other = loaded(tmp_path, "categories:\n  a: {any: [x, {y: [a, c]}]}\n  b: {otherwise: true}\n")
    assert first.hash == same.hash != other.hash
    assert Categories.load().hash == Categories.load(None).hash


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", ":1: the file is empty"),
        ("a: [", ":1: not YAML"),
        ("categories:\n\t- x\n", ":2: not YAML"),
        ("- x\n", ":1: the file must be a mapping"),
        ("x: 1\n", ":1: `x` is not known in the file"),
        ("categories: {}\n", ":1: there is no category"),
        ("categories:\n  roads:\n    anny: [x]\n", ":3: `anny` is not known in category `roads`"),
        ("categories:\n  roads:\n    elements: [way]\n", ":3: category `roads` needs `any`"),
        ("categories:\n  Roads:\n    any: [x]\n", ":3: `Roads` can't be a name"),
        ("categories:\n  a: {any: [x]}\n  a: {any: [y]}\n", ":3: `a` stands twice"),
        ("categories:\n  a:\n    any: x\n", ":3: a list with at least one entry"),
        ("categories:\n  a:\n    any: []\n", ":3: a list with at least one entry"),
        (
            "categories:\n  a:\n    any: [x]\n    elements: [wey]\n",
            ":4: `wey` is not known here; one of: node, way",
        ),
        ("categories:\n  a:\n    any: [x]\n    except: [b]\n", ":4: `b` is not known here; one of: a"),
        ("categories:\n  a:\n    any: [x]\n    except: [a]\n", ":4: category `a` can't be its own exception"),
        ("categories:\n  a:\n    any:\n      - x: [Upper]\n", ":4: `Upper` can never match"),
        ("categories:\n  a:\n    any:\n      - x: ['a;b']\n", ":4: `a;b` can never match"),
        ("categories:\n  a:\n    any:\n      - {x: [b], y: [c]}\n", ":4: a condition is one key"),
        (
            "categories:\n  a:\n    any:\n      - x: {nto: [b]}\n",
            ":4: `nto` is not known in `x`; one of: not",
        ),
        ("categories:\n  a:\n    any:\n      - x: b\n", ":4: a list with at least one entry"),
        ("categories:\n  a: {otherwise: maybe}\n", ":2: `otherwise: true` stands alone"),
        ("categories:\n  a: {otherwise: true, any: [x]}\n", ":2: `otherwise: true` stands alone"),
        (
            "categories:\n  a: {otherwise: true}\n  b: {otherwise: true}\n",
            ":3: `otherwise` is already said of `a`",
        ),
        ("categories:\n  a: {any: [x], length: Km}\n", ":2: `Km` can't be a name"),
        ("categories:\n  a: {any: [x], length: m}\n  b: {any: [y], area: m}\n", ":3: `m` is used twice"),
        ('"\\UFFFFFFFF"', ":1: not YAML"),
        (f"%YAML {'1' * 5000}.1\n---\na: b\n", ":1: not YAML"),
        ("[" * 100_000, ":1: not YAML"),
        ('categories:\n  a:\n    any: ["\\ud800"]\n', ":3: a word was expected"),
        ("categories: &a\n  b: *a\n", ":2: `b` is not known in category `b`"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(CategoriesError) as error:
        loaded(tmp_path, text)
    assert complaint in str(error.value)
    assert str(error.value).startswith(str(tmp_path / "own.yaml"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CategoriesError, match="can't be read"):
        Categories.load(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"categories: \xff")
    with pytest.raises(CategoriesError, match="can't be read"):
        Categories.load(tmp_path / "latin.yaml")


@given(
    st.one_of(
        st.binary(),
        *(
            st.text().map(begins.__add__).map(lambda text: f"{text}\n".encode(errors="surrogatepass"))
            for begins in (
                "categories: ",
                "categories: {a: {any: [",
                "categories:\n  a:\n    any: ",
                "!!python/name:",
            )
        ),
    )
)
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_content_is_a_table_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "any.yaml").write_bytes(content)
    with suppress(CategoriesError):
        Categories.load(tmp_path / "any.yaml")


def test_a_file_too_large_for_a_table_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "large.yaml"
    file.write_text("categories:\n  a:\n    any: [x]\n" + "#" * MOST)
    monkeypatch.setattr(yaml, "compose", None)
    with pytest.raises(CategoriesError, match=f"^{file}: of more than 256 KB"):
        Categories.load(file)
