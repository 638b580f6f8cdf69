"""The fixtures of answers' tests, for those that ask over HTTP."""

from tests.answers.asking import asked

__all__ = ["asked"]
