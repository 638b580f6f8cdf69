"""The unions file: what it says, and that a bad one is refused with the line and the reason."""

from pathlib import Path

import pytest

from stats_assets.osm.unions import UnionsError, load_unions


def loaded(tmp_path: Path, text: str) -> object:
    file = tmp_path / "unions.yaml"
    file.write_text(text)
    return load_unions(file)


def test_a_union_has_its_patterns_and_its_name(tmp_path: Path) -> None:
    text = "hotosm-*: hotosm-*\nhot: [hotosm-*, 'hot-kenya', hotosm-*]\nमानचित्र: [मानचित्र*]\n"
    assert loaded(tmp_path, text) == {
        "hotosm-*": ("hotosm-*",),
        "hot": ("hotosm-*", "hot-kenya", "hot"),
        "मानचित्र": ("मानचित्र*", "मानचित्र"),
    }
    assert loaded(tmp_path, "# none yet\n") == load_unions(None) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a", "1: names with their patterns"),
        ("a: [b]\na: [c]", "2: `a` stands twice"),
        ("a: [b]\nc: []", "2: `c` needs 1 to 100 patterns"),
        ("a:\n  - b\n  - '*'", "3: `*` would be all hashtags"),
        ("a:\n  - '#b'", "2: `#b`: a pattern is lower case"),
        ("A: [b]", "1: `A`: a name is lower case"),
        ("a: [b c]", "1: `b c`: a pattern"),
        ("a: {b: c}", "1: a pattern was expected"),
        ("a: [b", "1: not YAML"),
        ("a: [" + "b" * 300 + "]", "1: a pattern has at most 200 letters"),
        ("a: &x [*x]", "1: a pattern was expected"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_reason(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UnionsError, match=r"unions\.yaml:") as caught:
        loaded(tmp_path, text)
    assert said in str(caught.value)
