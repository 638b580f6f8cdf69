"""How a command's help reads: what it does, its options, examples, exit codes; plain text, as wide as the terminal.

Each command's module says the last two itself, as EXAMPLES and EXIT_CODES beside its function. Plain, as boxes of forty
columns cut the options' names off, and pipes and dumb terminals want none.
"""

import shutil
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

from stats_assets.cli.output import LEAST

MOST, NARROW = 100, 60  # columns
WRONG_USE: Final = {2: "wrong use, a wrong setting, a database out of reach"}
"""Of every command that says nothing else of 2."""

_Context: Any = TyperCommand.context_class


class _Formatter(_Context.formatter_class):  # type: ignore[misc] # typer hides whose it is
    """As wide as the terminal; where that is narrow, what is said of an option stands below it."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None):
        columns = min(max(shutil.get_terminal_size().columns, LEAST), MOST) - 1
        super().__init__(indent_increment, width or columns, max_width)

    def write_dl(self, rows: Sequence[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        if self.width >= NARROW:
            super().write_dl(rows, col_max, col_spacing)
            return
        for first, second in rows:
            self.write(f"{'':>{self.current_indent}}{first}\n")
            with self.indentation():
                self.write_text(second)


class _Plain(_Context):  # type: ignore[misc]
    formatter_class = _Formatter


class Command(TyperCommand):
    """A command whose help ends with its examples and exit codes."""

    context_class = _Plain
    examples: Mapping[str, str] = {}
    """What for → the command as it is typed."""
    exit_codes: Mapping[int, str] = {}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As ever; what is refused is said without the word of whoever checks it."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as refused:
            refused.message = refused.message.removeprefix("Value error, ")  # pydantic's, by which typer does
            raise

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """After the options."""
        if self.examples:
            with formatter.section("Examples"):
                for what, typed in self.examples.items():
                    formatter.write_text(f"# {what}")
                    formatter.write(f"{'':>{formatter.current_indent}}{typed}\n")  # whole: it is copied
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), said) for code, said in sorted(self.exit_codes.items())])


class Group(TyperGroup):
    """`stats-assets` itself: its commands, each with the whole first sentence of its help."""

    context_class = _Plain

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """As they are listed."""
        rows = [(name, _first_sentence(self.commands[name].help or "")) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def of_module(module: ModuleType) -> type[Command]:
    """The kind of command whose help says what its module says. What one lacks, tests/cli/test_help.py misses."""
    codes: Mapping[int, str] = getattr(module, "EXIT_CODES", {})
    own = {"examples": getattr(module, "EXAMPLES", {}), "exit_codes": WRONG_USE | dict(codes)}
    return type("Command", (Command,), own)


def _first_sentence(text: str) -> str:
    first = " ".join(text.split("\n\n", 1)[0].split())
    return first.split(". ", 1)[0].rstrip(".") + "."
