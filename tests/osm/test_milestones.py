"""The milestones file: the packaged ones can be read, and a bad one is refused with the line and the reason."""

from pathlib import Path

import pytest

from stats_assets.osm.milestones import PACKAGED, MilestonesError, load_milestones


def test_the_packaged_files_can_be_read() -> None:
    default = {rule.name: rule for rule in load_milestones(None)}
    assert list(map(int, default["days"].levels)) == [5, 25, 100, 365]
    assert (default["countries"].metric, int(default["countries"].least)) == ("countries", 10)
    assert default["hashtag_people"].owner == "hashtag"
    badges = load_milestones(PACKAGED.with_name("osm-stats-workers.yaml"))
    assert len(badges) == 10
    assert all(len(rule.levels) == 3 for rule in badges)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a", "1: the file must be a mapping"),
        ("a: {metric: days}", "1: `a` needs `levels`"),
        ("a: {metric: days, levels: [1]}\na: {metric: days, levels: [1]}", "2: `a` stands twice"),
        ("A: {metric: days, levels: [1]}", "1: `A` can't be a name"),
        ("a:\n  metric: deeds\n  levels: [1]", "2: `deeds` is not known here; one of: days"),
        ("a: {of: hashtag, metric: countries, levels: [1]}", "1: `countries` is not known here"),
        ("a: {of: country, metric: days, levels: [1]}", "1: `country` is not known here"),
        ("a: {metric: sum, levels: [1]}", "1: `a`: the metric sum needs `keys`"),
        ("a: {metric: days, least: 3, levels: [1]}", "1: `a`: the metric days has no `least`"),
        ("a: {metric: days, levels: [3, 1]}", "1: `a`: levels rise"),
        ("a: {metric: days, levels: [nan]}", "1: `nan`: a number above 0"),
        ("a: {metric: days, levels: [1], colour: red}", "1: `colour` is not known in `a`"),
        ("a: [", "not YAML"),
    ],
)
def test_a_bad_file_is_refused_with_line_and_reason(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "milestones.yaml"
    file.write_text(text)
    with pytest.raises(MilestonesError, match=r"milestones\.yaml:") as caught:
        load_milestones(file)
    assert said in str(caught.value)
