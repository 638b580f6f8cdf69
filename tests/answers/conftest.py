"""The fixtures of asking.py, for the tests here."""

from tests.answers.asking import asked, hand

__all__ = ["asked", "hand"]
