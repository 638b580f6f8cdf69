"""Messages are one line and hold no credentials."""

import pickle

import pytest

from stats_assets.feeds.outcomes import BadAnswer, BodyTooLarge, FeedError, masked


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.org/a?id=1", "https://example.org/a?id=1"),
        ("https://user:pa@ss@example.org/a", "https://***@example.org/a"),
        ("s3://KEY:secret@bucket/a", "s3://***@bucket/a"),
        ("https://example.org/a@b", "https://example.org/a@b"),
        (
            "https://b.example.org/a?X-Amz-Signature=abc&x=1&access_token=t",
            "https://b.example.org/a?X-Amz-Signature=***&x=1&access_token=***",
        ),
    ],
)
def test_masked(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_a_message_is_one_line_without_credentials() -> None:
    error = BadAnswer("http://u:p@host/x", "cut off\n  at http://u:p@other/y", retry_after=3)
    assert str(error) == "http://***@host/x: cut off at http://***@other/y"
    assert error.retry_after == 3
    assert "p@" not in repr(error)


def test_outcomes_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(BodyTooLarge("http://u:p@host", "big", retry_after=3)))  # noqa: S301
    assert isinstance(error, BadAnswer)
    assert isinstance(error, FeedError)
    assert (str(error), error.retry_after) == ("http://***@host: big", 3)
