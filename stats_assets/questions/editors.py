"""Families of editors: `JOSM/1.5 (18513 en)` is JOSM. A changeset's editor is its tag created_by."""

import re

# The same in both tongues: what stands before a slash, a bracket, a semicolon, or a version.
ENDS = r"\s*([/;(]|\s[vV]?[0-9]).*$"
_ENDS = re.compile(ENDS, re.DOTALL)
FAMILY_SQL = f"coalesce(nullif(regexp_replace({{}}, '{ENDS}', ''), ''), {{}})"


def family(editor: str) -> str:
    """The editor's family; its own text where nothing is left of it."""
    text = editor.strip()
    return _ENDS.sub("", text) or text


def family_sql(column: str) -> str:
    """The same of a column, in SQL."""
    return FAMILY_SQL.format(column, column)
