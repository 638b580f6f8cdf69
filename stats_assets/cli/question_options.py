"""Options that ask a question: one for each parameter of the API, made of questions/parameters.py, with its words."""

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from stats_assets.questions.answer import Given
from stats_assets.questions.parameters import ALL


def asking(names: Iterable[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command with these parameters as options, which it gets as `given`, as they would stand in an address."""
    options = {name.replace("from", "from_"): name for name in names}

    def made(function: Callable[..., None]) -> Callable[..., None]:
        def command(**values: Any) -> None:
            given = [pair for key, name in options.items() for pair in _pairs(name, values.pop(key))]
            function(given=given, **values)

        own = [
            one.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for one in inspect.signature(function).parameters.values()
            if one.name != "given"
        ]
        more = [_option(key, name) for key, name in options.items()]
        command.__name__, command.__doc__, command.__module__ = (
            function.__name__,
            function.__doc__,
            function.__module__,
        )
        command.__signature__ = inspect.Signature([*own, *more])  # type: ignore[attr-defined]
        command.__annotations__ = {one.name: one.annotation for one in (*own, *more)}
        return command

    return made


def _option(key: str, name: str) -> inspect.Parameter:
    one = ALL[name]
    kind: Any = list[str] | None if one.most > 1 else str | None
    says = one.says.replace("`", "") + (f" ({', '.join(one.choices)})" if one.choices else "")
    annotation = Annotated[
        kind, typer.Option(f"--{name}", help=says, metavar=name.upper(), show_default=False)
    ]
    return inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _pairs(name: str, value: list[str] | str | None) -> Given:
    if value is None:
        return []
    return [(name, one) for one in ([value] if isinstance(value, str) else value)]
