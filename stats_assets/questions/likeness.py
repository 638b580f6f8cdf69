"""How alike two words are: for a search that forgives a letter or two. Pure."""

from itertools import pairwise


def parts(word: str, number: int) -> list[str]:
    """A word in so many parts, none empty: of those one stays whole where fewer letters than parts are wrong."""
    number = min(number, len(word))
    cuts = [len(word) * place // number for place in range(number + 1)]
    return [word[a:b] for a, b in pairwise(cuts)]


def forgiven(word: str) -> int:
    """How many letters may be wrong, be missing or too many, or have changed places."""
    return 0 if len(word) < 4 else 1 if len(word) < 8 else 2


def distance(one: str, other: str, most: int) -> int | None:
    """How many letters are wrong; two that changed places count once. None: more than `most`."""
    if abs(len(one) - len(other)) > most:
        return None
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        oldest, before, row = before, row, [i] + [0] * len(other)
        for j, b in enumerate(other, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                row[j] = min(row[j], oldest[j - 2] + 1)
        if min(row) > most:
            return None
    return row[-1] if row[-1] <= most else None
