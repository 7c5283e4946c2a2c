"""Values with their 95 % intervals, and what the protocols conclude from them."""

import math
from typing import NamedTuple

HOLDS, FAILS, OPEN = "holds", "does not hold", "not decided"


class Interval(NamedTuple):
    value: float
    lower: float
    upper: float

    def __neg__(self):
        return Interval(-self.value, -self.upper, -self.lower)

    def percent(self, signed=False):
        sign, dash = ("+", " … ") if signed else ("", "–")
        value, lower, upper = (f"{100 * number:{sign}.1f}" for number in self)
        return f"{value} ({lower}{dash}{upper})"


def read(record):
    """Of a metric in the JSON that staypos writes; None where there is none."""
    if not record or any(record.get(key) is None for key in ("value", "lower", "upper")):
        return None
    return Interval(record["value"], record["lower"], record["upper"])


def text(interval, signed=False):
    return interval.percent(signed) if interval else "–"


def mean(found):
    """Of independent values: what is uncertain of them adds up in squares, on either side. None if one is missing."""
    if not found or None in found:
        return None
    value = sum(interval.value for interval in found) / len(found)

    def width(sides):
        return math.sqrt(sum(side * side for side in sides)) / len(found)

    return Interval(value, value - width([interval.value - interval.lower for interval in found]),
                    value + width([interval.upper - interval.value for interval in found]))


def is_above_zero(difference):
    """The verdict on a difference of which a finding says that it is above 0."""
    if difference is None or difference.lower <= 0 <= difference.upper:
        return OPEN
    return HOLDS if difference.lower > 0 else FAILS


def loses_less(change, mean):
    """Of what a model loses, less what the other one does, and of the difference of what they are left with: a model
    that never had much has little to lose."""
    if FAILS in (is_above_zero(change), is_above_zero(mean)):
        return FAILS
    return is_above_zero(change) if mean is not None else OPEN


def most_where_small(smallest, largest):
    """Of the differences at the smallest and the largest share of generated pixels."""
    if smallest is None or largest is None:
        return OPEN
    if smallest.upper < largest.lower:
        return FAILS
    return HOLDS if smallest.lower > max(0, largest.upper) else OPEN


def wilson(hits, count, pictures):
    """A share of `count` images that come from so many pictures: several squares of one picture are no independent
    witnesses, so that the interval is that of as many images as there are pictures. None without images."""
    if count == 0:
        return None
    z, rate = 1.959963984540054, hits / count
    scale = 1 / (1 + z * z / pictures)
    middle = scale * (rate + z * z / (2 * pictures))
    width = scale * z * math.sqrt(rate * (1 - rate) / pictures + z * z / (4 * pictures * pictures))
    # Rounding may leave a little beyond what is known exactly.
    return Interval(rate, min(rate, max(0.0, middle - width)), max(rate, min(1.0, middle + width)))
