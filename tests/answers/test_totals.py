"""Totals."""

from tests.answers.conftest import Asked


def test_all_is_what_the_facts_say(asked: Asked) -> None:
    found = asked("totals")["totals"]
    said = asked.connection.execute(
        "SELECT sum(total_edits), count(DISTINCT changeset_id) FROM changeset_edits"
    ).fetchone()
    assert (found["edits"], found["changesets"]) == said
    assert sum(found["counts"].values()) == found["edits"]
