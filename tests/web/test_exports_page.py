"""docs/exports.md: each address in it answers as is said there, and it names each form."""

import re
from pathlib import Path

from stats_assets.web.files import VIEWS
from stats_assets.web.formats import FORMATS
from stats_assets.web.pictures import SHOWS
from tests.answers.asking import Asked
from tests.web.test_api import Client

PAGE = (Path(__file__).parents[2] / "docs" / "exports.md").read_text()


def test_each_address_answers_as_is_said(asked: Asked) -> None:
    get = Client(asked)
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    lines = [line for language, block in blocks if not language for line in block.splitlines()]
    assert len(lines) > 20
    for line in lines:
        address, _, said = line.partition("  → ")
        response = get(address)
        if not said:
            assert response.status_code == 200, f"{line}: {response.text[:500]}"
            continue
        status, name = said.split()
        assert (response.status_code, response.json()["type"]) == (int(status), f"/problems/{name}"), line


def test_it_names_each_form_view_and_badge() -> None:
    for name in (*FORMATS, *VIEWS, *SHOWS):
        assert re.search(rf"[`.=]{name}\b", PAGE), name
