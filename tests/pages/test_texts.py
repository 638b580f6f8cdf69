"""Every sentence stands in every language, with the same values and the plurals that the language has."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from babel import Locale
from markupsafe import Markup

import stats_assets
from stats_assets.osm.categories import Categories
from stats_assets.pages.shown import plain_heading
from stats_assets.texts import numbers, places, times
from stats_assets.texts.language import ENDONYMS, LANGUAGES, Text, language, name, wanted

SPARE = {"many": ("fr", "es", "pt", "ar"), "zero": ("ar",), "two": ("ar",), "few": (), "one": ()}
"""Plurals that may be as the general one: of whole millions, of none, of two."""


def forms(text: Text) -> list[str]:
    return [text] if isinstance(text, str) else list(text.values())


def values(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_names_all_that_is_counted(code: str) -> None:
    for category in Categories.load().categories.values():
        for stem in filter(None, (category.name, category.length, category.area)):
            assert language(code).knows(f"of_{stem}"), f"of_{stem} is in no {code}.yaml"


def test_what_people_count_by_their_own_file_has_its_name_and_its_unit_once() -> None:
    assert plain_heading("barrier_km_added", language("en")) == "Barrier, km + added"
    assert plain_heading("fish_ponds_added", language("en")) == "Fish ponds + added"


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_has_each_sentence_with_the_same_values(code: str) -> None:
    texts, english = language(code).texts, language("en").texts
    assert list(texts) == list(english)
    for key, text in texts.items():
        assert isinstance(text, str) == isinstance(english[key], str), key
        wanted_values = values(forms(english[key])[-1])
        for form in forms(text):
            assert values(form) == wanted_values, (key, form)
            assert form.strip() == form and form and "<" not in form, (key, form)


@pytest.mark.parametrize("code", LANGUAGES)
def test_each_language_has_its_plurals(code: str) -> None:
    tags = language(code).locale.plural_form.tags
    for key, text in language(code).texts.items():
        if not isinstance(text, str):
            assert "other" in text and set(text) <= {*tags, "other"}, key
            lacking = {tag for tag in tags - set(text) if code not in SPARE[tag]}
            assert not lacking, (key, lacking)


def test_every_sentence_is_used_and_every_one_used_is_there() -> None:
    package = Path(stats_assets.__file__).parent
    sources = "".join(
        one.read_text()
        for folder in ("pages", "web")
        for one in (package / folder).rglob("*")
        if one.suffix in (".py", ".html")
    )
    texts = language("en").texts
    made: tuple[str, ...] = (
        "of_",
        "n_",
        "result_",
        "empty_",
        "feed_",
        "state_",
        "why_",
        "milestone_",
        "counting_",
        "differences_",
        "privacy_",
    )
    made += ("uploaded", "changesets_of")  # put together where they are said
    for key in texts:
        assert f"'{key}'" in sources or f'"{key}"' in sources or key.startswith(made), f"{key} is not used"
    for key in re.findall(r"""\bt\('(\w+)'[,)]|\bsay\("(\w+)"[,)]""", sources):
        assert "".join(key) in texts


def test_names_and_numbers_in_sentences_are_escaped_and_of_their_own_direction() -> None:
    said = language("en").say("new_to", tag=name("<b>{n}"))
    assert said == Markup("new to <bdi>&lt;b&gt;{n}</bdi>")
    assert language("fr").say("missing", n=1234, of=5678) == "1\u202f234 minutes sur 5\u202f678 manquent"
    assert language("en").say("missing", n=1, of=210) == "1 of 210 minutes is missing"
    assert language("ar").say("missing", n=3, of=210) == "تنقص 3 دقائق من 210"


@pytest.mark.parametrize(
    ("chosen", "accepted", "code"),
    [
        (None, None, "en"),
        (None, "ne", "ne"),
        (None, "ne-NP,en;q=0.5", "ne"),
        (None, "de, pt-BR;q=0.8, en;q=0.9", "en"),
        (None, "de;q=1, sw;q=0.1", "sw"),
        (None, "fr;q=0, es", "es"),
        (None, "*", "en"),
        (None, ";;;q=,,x-y-z;q=9e9", "en"),
        ("fr", "ne", "fr"),
        ("fr-CA", None, "fr"),
        ("xx", "ne", "ne"),
        ("../en", None, "en"),
    ],
)
def test_the_language_is_the_one_chosen_or_the_browsers(
    chosen: str | None, accepted: str | None, code: str
) -> None:
    assert wanted(chosen, accepted).code == code


def test_languages_are_called_by_their_own_names_and_arabic_runs_from_right_to_left() -> None:
    assert set(ENDONYMS) == set(LANGUAGES)
    assert {code: language(code).direction for code in ("ar", "ne")} == {"ar": "rtl", "ne": "ltr"}


@pytest.mark.parametrize("code", LANGUAGES)
def test_digits_are_latin_in_all_languages(code: str) -> None:
    locale = language(code).locale
    said = [numbers.whole(n, locale) for n in (0, 999_999, 12_345_678)]
    said += [numbers.kilometres(Decimal("41.203"), locale), numbers.exact(Decimal("0.000000001"), locale)]
    assert all(c in "0123456789" for text in said for c in text if c.isdigit())


def test_numbers_are_whole_to_a_million_and_then_of_three_digits() -> None:
    english = Locale.parse("en_GB")
    assert [numbers.whole(n, english) for n in (0, 1240, 999_999, 1_000_000, 1_234_567, 123_456_789)] == [
        *("0", "1,240", "999,999", "1M", "1.23M", "123M")
    ]
    told = [
        numbers.kilometres(Decimal(n), english) for n in ("0", "0.004", "9.994", "9.996", "999.94", "999.96")
    ]
    assert told == ["0", "0.00", "9.99", "10.0", "999.9", "1,000"]
    assert numbers.square_metres(Decimal("0.00512"), english) == "5,120"
    assert numbers.exact(Decimal("41.203118274"), english) == "41.203118274"
    assert [numbers.share(135, 100, english), numbers.share(50, 100, english)] == ["+35%", "−50%"]


def test_countries_have_their_names_in_the_language_and_own_regions_keep_theirs() -> None:
    english, nepali = language("en").locale, language("ne").locale
    assert [places.country(code, english) for code in ("KEN", "PSE", "XKX", "SSD")] == [
        *("Kenya", "Palestinian Territories", "Kosovo", "South Sudan")
    ]
    assert places.country("KEN", nepali) == "केन्या"
    assert places.country("USA-TX", english, "Texas") == "Texas"
    assert places.country("ZONE-7", english) == "ZONE-7"


def test_zones_are_called_by_their_city_with_the_offset_of_the_date() -> None:
    kathmandu, new_york = times.zone("Asia/Kathmandu"), times.zone("America/New_York")
    assert times.place(kathmandu, language("en").locale) == "Kathmandu"
    winter, summer = times.parsed("2025-01-20T11:00Z"), times.parsed("2025-07-20T11:00Z")
    assert winter and summer
    assert times.offset(winter.astimezone(kathmandu)) == "UTC+5:45"
    assert [times.offset(one.astimezone(new_york)) for one in (winter, summer)] == ["UTC−5", "UTC−4"]
    assert times.zone("No/Where").key == times.zone("../../etc/passwd").key == "UTC"


def test_each_packaged_milestone_of_people_has_its_sentence() -> None:
    rules = yaml.safe_load((Path(stats_assets.__file__).parent / "milestones" / "default.yaml").read_text())
    for key, rule in rules.items():
        if rule.get("of") != "hashtag":
            assert language("en").knows(f"milestone_{key}"), key
