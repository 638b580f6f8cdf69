"""docs/api.md: each address in it answers as is said there, and it names all that there is."""

import re
from pathlib import Path

import pytest

from stats_assets.questions.parameters import ALL, OF_KIND
from tests.answers.asking import Asked
from tests.documents.site import ROOT, pages
from tests.web.test_api import Client

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
ASKED = [
    line
    for block in re.findall(r"^```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture(scope="module")
def get(asked: Asked) -> Client:
    return Client(asked)


def test_each_address_answers_as_is_said(get: Client) -> None:
    for line in ASKED:
        address, _, said = line.partition("  → ")
        response = get(address)
        if not said:
            assert response.status_code == 200, f"{line}: {response.text}"
            continue
        status, name = said.split()
        problem = response.json()
        assert (response.status_code, problem["type"]) == (int(status), f"/problems/{name}"), line
        if "try" in problem:
            assert get(problem["try"]).status_code == 200, line


def test_each_address_that_another_page_shows_answers(get: Client) -> None:
    """That of live events, which end never, by the same filter's sums."""
    shown = {
        (page.as_posix(), address)
        for page in pages()
        for address in re.findall(r"http://127\.0\.0\.1:8080(/[^\s'`|)]+)", (ROOT / page).read_text())
        if "…" not in address
    }
    assert len(shown) >= 4
    wrong = {
        (page, address): response.text
        for page, address in sorted(shown)
        if (response := get(address.replace("/live?", "/totals?"))).status_code != 200
    }
    assert wrong == {}


def test_it_names_all_kinds_and_parameters() -> None:
    for name in (*ALL, *OF_KIND):
        assert re.search(rf"`{name}[`/]", PAGE), name


def test_it_names_all_refusals() -> None:
    code = "".join(
        path.read_text()
        for room in ("questions", "database/answers", "web")
        for path in (Path(__file__).parents[2] / "stats_assets" / room).glob("*.py")
    )
    named = set(
        re.findall(r"(?:Problem|_refuse|refuse)\(\s*(?:[\w\[\]:.\"']+,\s*)?\"([a-z]+(?:-[a-z]+)+)\"", code)
    )
    assert {"regions-do-not-add", "unknown-user", "bad-hashtag"} <= named
    of_protocol = {
        "address-too-long",
        "headers-too-long",
        "request-too-slow",
        "no-http",
        "method-not-allowed",
    }
    unknown = {name for name in named - of_protocol if f"`{name}`" not in PAGE}
    assert unknown <= {"body-too-large", "no-such-value", "failed"}, unknown
