"""The brute force beside a genuine Overpass: from the full history the same actions, minute by minute."""

import re
from pathlib import Path

import pytest

from tests.augment.brute_force import differences, is_right_order, read_history
from tests.augment.comparing import read_diff, without_names
from tests.conftest import real_file


def inconsistent(readme: Path) -> set[int]:
    """The minutes whose edits contradict each other, which OSM refuses."""
    return {int(number) for number in re.findall(r"(?m)^\| (\d+) \| inconsistent:", readme.read_text())}


@pytest.mark.drill
def test_the_brute_force_says_what_overpass_said() -> None:
    shared = real_file("augment/README.md").parent
    answers = {
        int(path.name.split(".")[0]): path for path in sorted((shared / "answers").glob("*.adiff.xml.gz"))
    }
    expected = differences(read_history(shared / "history.osh.xml.gz"), answers)
    left_out = inconsistent(shared / "README.md")
    assert (len(answers), len(left_out)) == (58, 4)
    for number in answers.keys() - left_out:
        answered = read_diff(answers[number].read_bytes())
        assert is_right_order(expected[number])
        assert without_names(expected[number]) == without_names(answered), number
