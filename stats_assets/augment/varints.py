"""Whole numbers, lists of them and texts as few bytes: seven bits a byte, differences instead of numbers.

Here: numbers and texts. What a version, a tag or a group is as bytes is said beside each.
"""

from collections.abc import Sequence


def put(out: bytearray, number: int) -> None:
    """Append a number that is not negative."""
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)


def take(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins there, and where the next thing begins. Raises IndexError beyond the end."""
    number = data[at]
    at += 1
    if number < 128:
        return number, at
    number &= 127
    shift = 7
    while (byte := data[at]) > 127:
        number |= (byte & 127) << shift
        shift += 7
        at += 1
    return number | byte << shift, at + 1


def put_text(out: bytearray, text: str) -> None:
    """Append a text, with its length."""
    data = text.encode()
    put(out, len(data))
    out += data


def take_text(data: bytes, at: int) -> tuple[str, int]:
    """The text that begins there, and where the next thing begins."""
    length, at = take(data, at)
    if at + length > len(data):
        raise IndexError("a text is longer than what is there")
    return data[at : at + length].decode(), at + length


def put_list(out: bytearray, numbers: Sequence[int], last: int = 0) -> None:
    """Append numbers of any sign and order: how many, then each as its difference from the one before it."""
    put(out, len(numbers))
    for number in numbers:
        step = number - last
        last = number
        step = step << 1 if step >= 0 else (-step << 1) - 1
        while step > 127:
            out.append(step & 127 | 128)
            step >>= 7
        out.append(step)


def take_list(data: bytes, at: int, last: int = 0) -> tuple[list[int], int]:
    """The list that begins there, and where the next thing begins."""
    length, at = take(data, at)
    if at + length > len(data):
        raise IndexError("a list is longer than what is there")
    numbers = []
    for _ in range(length):
        step = data[at]
        at += 1
        if step > 127:
            step, at = take(data, at - 1)
        last += -((step + 1) >> 1) if step & 1 else step >> 1
        numbers.append(last)
    return numbers, at
