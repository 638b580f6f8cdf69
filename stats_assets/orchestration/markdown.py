"""Text of others (bodies, names, exceptions) where Dagster's UI reads Markdown: it must be shown as it is.

That is: what checks say when they are evaluated. The UI shows messages of ticks and runs, text metadata and the cells
of tables (`MetadataValue.table`) plainly: these must not be escaped.
"""

import re

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
    """One line of Markdown that the UI shows as this text."""
    return _MEANS_SOMETHING.sub(lambda found: f"\\{found[0]}", " ".join(text.split()))
