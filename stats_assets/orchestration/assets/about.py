"""What an asset's page says of it besides its description: owners, layer, table and columns, code, documents, pages.

The columns' words are database/columns.py's. All of it is said once, when definitions load: no run or tick pays for it.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from dagster import (
    AssetsDefinition,
    AssetSpec,
    BetaWarning,
    CodeReferencesMetadataValue,
    MetadataValue,
    TableColumn,
    TableColumnConstraints,
    TableSchema,
    UrlCodeReference,
)

import stats_assets
from stats_assets import __version__
from stats_assets.database.columns import COLUMNS
from stats_assets.settings import PROJECT

TEAM: Final = ("team:stats-assets",)
Layer = Literal["source", "raw", "facts", "statistics"]
PAGES: Final[dict[str, str]] = {
    "augmented_diffs_feed": "quality",
    "changesets_feed": "quality",
    "checkpoints": "quality",
    "statistics_verification": "quality",
    "user_statistics": "",
    "hashtag_statistics": "",
    "country_statistics": "",
    "hashtag_user_statistics": "",
}
"""Asset → the page of the web server that shows it, below its address."""

_FOLDER = Path(stats_assets.__file__).parents[1]
_REPOSITORY = f"{PROJECT}/blob/v{__version__}"


def described(
    spec: AssetSpec, layer: Layer, code: Callable[..., Any], *, document: str, is_table: bool = False
) -> AssetSpec:
    """The spec with all that.

    code: the function that makes it; document: below docs/; is_table: it stands for a table or view of its name.
    """
    metadata: dict[str, Any] = {
        "documentation": MetadataValue.url(f"{_REPOSITORY}/docs/{document}"),
        **_code(code),
        **(_table(spec.key.to_user_string()) if is_table else {}),
    }
    return spec.replace_attributes(
        owners=TEAM, tags={**spec.tags, "layer": layer}, metadata={**spec.metadata, **metadata}
    )


def linked(
    assets: Iterable[AssetsDefinition | AssetSpec], public_url: str | None
) -> list[AssetsDefinition | AssetSpec]:
    """The assets, each with the address of its page; as they are where PUBLIC_URL, the web server's, is not set."""
    if public_url is None:
        return list(assets)

    def with_page(spec: AssetSpec) -> AssetSpec:
        path = PAGES.get(spec.key.to_user_string())
        page = {} if path is None else {"page": MetadataValue.url(f"{public_url.rstrip('/')}/{path}")}
        return spec.replace_attributes(metadata={**spec.metadata, **page})

    return [
        with_page(one) if isinstance(one, AssetSpec) else one.map_asset_specs(with_page) for one in assets
    ]


def _table(name: str) -> Mapping[str, Any]:
    columns = [
        TableColumn(
            one.name,
            one.type,
            one.says,
            TableColumnConstraints(nullable=False, other=["key"]) if one.is_key else None,
        )
        for one in COLUMNS[name]
    ]
    return {"dagster/relation_identifier": name, "dagster/column_schema": TableSchema(columns)}


def _code(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Where the function stands, in the repository, at this version."""
    code = function.__code__
    path = Path(code.co_filename).relative_to(_FOLDER)
    url = f"{_REPOSITORY}/{path.as_posix()}#L{code.co_firstlineno}"
    with _beta():
        references = [UrlCodeReference(url=url, label=path.name)]
        return {"dagster/code_references": CodeReferencesMetadataValue(code_references=references)}


@contextmanager
def _beta() -> Iterator[None]:
    """What Dagster calls beta is meant: its warning would stand at the head of each process's output."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BetaWarning)
        yield
