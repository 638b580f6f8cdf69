"""Text of others (bodies, names, exceptions) where Dagster's UI reads Markdown: it must be shown as it is.

That is: what checks say when they are evaluated, and Markdown metadata. Messages of ticks and runs, and text metadata,
the UI shows plainly: they must not come by here.
"""

import re
from collections.abc import Sequence

_MEANS_SOMETHING = re.compile(
    r"""
    [`*<\[\]|~]                                # code, emphasis, tags, links, cells, strokes
    | (?<![^\W_])_ | _(?![^\W_])               # but inside a word it is a letter
    | &(?=\#?\w+;)                             # an entity
    | \\(?=[!-/:-@\[-`{-~])                    # an escape already
    | ^[\#>+=-]                                # a heading, a quotation, a list, a line
    | (?<=^\d)[.)] | (?<=^\d\d)[.)] | (?<=^\d\d\d)[.)]
    """,
    re.VERBOSE,
)


def escaped(text: str) -> str:
    """The text as one line of Markdown that reads like it."""
    return _MEANS_SOMETHING.sub(lambda found: f"\\{found[0]}", " ".join(text.split()))


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of Markdown whose cells read as they are."""
    lines = [header, ["---"] * len(header), *([escaped(str(cell)) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
