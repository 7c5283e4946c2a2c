"""What the models say about the images of the test parts, and where their thresholds lie."""

import csv
import json
import math
from typing import NamedTuple

LARGEST_SHARE, LARGEST_CONTROL_SHARE = 0.01, 0.02
# Of what the tests allow: on other sources than those that set it, a threshold flags more.
CAUTION = 0.2
NEGATIVE_CONTROL = "resampled"
REDUCED = ", reduced"


def is_photo(kind):
    """All kinds of photos but those by night, which are counted apart."""
    return kind.startswith(("photo", "panorama"))


def reduced(kind):
    """What squares are called that were cut out of a picture made smaller."""
    return kind + REDUCED


def is_reduced(kind):
    return kind.endswith(REDUCED)


class Verdict(NamedTuple):
    """On one image of a test part, of both models."""
    kind: str
    label: str
    picture: str
    # Of the published file.
    format: str
    # What a square went through; the shorter side of a thumbnail.
    codec: str
    logits: tuple
    flagged: tuple = ()

    def is_real_photo(self):
        return self.label == "real" and is_photo(self.kind)

    def is_fake(self):
        return self.label == "fake"

    def judged(self, thresholds):
        return self._replace(flagged=tuple(logit >= threshold for logit, threshold in zip(self.logits, thresholds)))


class Part(NamedTuple):
    """A test part, by models that had not seen it."""
    squares: list
    whole: list
    thumbnails: list
    # Logits, of both models: the new one's is what its validation part says.
    thresholds: tuple

    def judged(self, thresholds):
        return Part(*([verdict.judged(thresholds) for verdict in verdicts] for verdicts in self[:3]), thresholds)


# What the tests limit: (what, of which of a part's images, which of those, the largest share).
LIMITS = (
    ("photos flagged, squares", "squares",
     lambda verdict: verdict.is_real_photo() and not is_reduced(verdict.kind), LARGEST_SHARE),
    ("photos flagged, squares of pictures made smaller", "squares",
     lambda verdict: verdict.is_real_photo() and is_reduced(verdict.kind), LARGEST_SHARE),
    ("photos flagged, whole images", "whole", Verdict.is_real_photo, LARGEST_SHARE),
    ("negative control flagged", "squares", lambda verdict: verdict.kind == NEGATIVE_CONTROL, LARGEST_CONTROL_SHARE),
)


def logit(probability):
    return math.log(probability / (1 - probability))


def probability(value):
    return 1 / (1 + math.exp(-value))


def between(logits, rate):
    """The logit that flags such a share of these, but one of them at least: between two that were seen. Above all of
    them, nothing says how far."""
    ordered = sorted(logits, reverse=True)
    flagged = max(1, int(rate * len(ordered)))
    return (ordered[flagged - 1] + ordered[flagged]) / 2 if len(ordered) > flagged else -math.inf


def crossed(parts):
    """The lowest logit that flags no more than CAUTION of what the tests allow, of each sort of real images in parts
    that were scored by models that had not seen them."""
    return max(
        between([verdict.logits[-1] for part in parts for verdict in getattr(part, images) if condition(verdict)],
                CAUTION * limit) for _, images, condition, limit in LIMITS)


def thresholds(parts):
    """Of each part's new model: what its validation part says, or what the parts say that are not this one, whatever is
    higher. The verdicts on a part have no share in its threshold."""
    return [max(part.thresholds[-1], crossed(parts[:index] + parts[index + 1:])) for index, part in enumerate(parts)]


def model_thresholds(folder):
    """Logits, out of an evaluation's record."""
    with open(folder / "report.json", encoding="utf-8") as file:
        return tuple(logit(model["threshold"]) for model in json.load(file)["models"])


def read(folder, images, codec):
    """Of one test part. images: (kind, label, picture, format) by file name; codec: from a file name to what it went
    through."""
    models = len(model_thresholds(folder))
    with open(folder / "scores.csv", newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        columns = next(reader)
        for row in reader:
            logits = row[len(columns) - models:]
            if "" not in logits:
                kind, label, picture, format_name = images[row[0]]
                if (row[columns.index("label")] == "1") != (label == "fake"):
                    raise ValueError(f"{folder}: {row[0]} was measured with the wrong label")
                yield Verdict(kind, label, picture, format_name, codec(row[0]), tuple(float(value) for value in logits))
