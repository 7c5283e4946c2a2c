"""What the default model is judged by: the tests of docs/reproduction/model.md, checked, and its card."""

import math
import pathlib

import intervals
import report
import sections
import verdicts
from verdicts import Verdict, is_reduced

METRIC = "averagePrecision"
LARGEST_SIZE, MOST_MULTIPLY_ADDS = 16_000_000, 50_000
# A generator with fewer is reported with others of that sort: a share of so few says nothing.
FEWEST_PICTURES = 5
# Probabilities at which the models are shown besides.
OTHER_THRESHOLDS = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995)


def multiply_adds(architecture):
    """For each pixel of a large image, of the convolutions; the head's are once for an image."""
    stem, channels = architecture["stem"], architecture["stem"]["width"]
    density = 1 / stem["stride"] ** 2
    total = density * stem["kernel"] ** 2 * 3 * channels
    for stage in architecture["blocks"]:
        for block in range(stage["repeats"]):
            wide = channels * stage["expand"]
            if stage["expand"] > 1:
                total += density * channels * wide
            if block == 0:
                density /= stage["stride"] ** 2
            total += density * wide * (stage["kernel"] ** 2 + stage["width"])
            channels = stage["width"]
    return total + density * channels * architecture["head"]


class Shares:
    """Shares of flagged images."""

    def __init__(self, verdicts):
        self.verdicts = list(verdicts)

    def of(self, model, condition):
        chosen = [verdict for verdict in self.verdicts if condition(verdict)]
        hits = sum(verdict.flagged[model] for verdict in chosen)
        return intervals.wilson(hits, len(chosen), len({verdict.picture for verdict in chosen}))

    def table(self, title, names, conditions):
        """conditions: (heading, condition); a line for each, both models side by side."""
        lines = []
        for heading, condition in conditions:
            chosen = [verdict for verdict in self.verdicts if condition(verdict)]
            if chosen:
                lines.append([heading, len(chosen), len({verdict.picture for verdict in chosen}),
                              *(intervals.text(self.of(model, condition)) for model in range(len(names)))])
        return f"### {title}\n\n" + sections.table(["images", "count", "pictures", *names], lines)

    def kinds(self, label):
        """The kinds that there are, but for generators of too few pictures, and those."""
        pictures = {}
        for verdict in self.verdicts:
            if verdict.label == label:
                pictures.setdefault(verdict.kind, set()).add(verdict.picture)
        rare = {kind for kind, found in pictures.items() if label == "fake" and len(found) < FEWEST_PICTURES}
        return sorted(pictures.keys() - rare), rare


class ModelReport:
    """Results of all parts, and what follows from them."""

    def __init__(self, results, parts, names):
        """parts: what the models say about them, by name; names: of the rival and of the new model."""
        self.results, self.parts, self.names = report.Results(results), parts, names
        self.thresholds = verdicts.thresholds(list(parts.values()))
        self.squares, self.whole, self.thumbnails = self.shares(self.thresholds)

    def shares(self, thresholds):
        """Of squares, whole images and thumbnails, at logits of the new model, one for each part."""
        judged = [part.judged((part.thresholds[0], threshold))
                  for part, threshold in zip(self.parts.values(), thresholds)]
        return [Shares(verdict for part in judged for verdict in part[place]) for place in range(3)]

    def final_threshold(self, own):
        """Of the model that is trained on more of the parts, as a probability that people can read: rounded up. own: what
        its validation part says."""
        exact = max(own, verdicts.probability(verdicts.crossed(list(self.parts.values()))))
        return min(math.ceil(exact * 1e6) / 1e6, 1 - 1e-6)

    def averages(self, part):
        """Average precision of both models, and the difference."""
        first, second = list(self.results.models(f"{part}/report.json").values())
        return [intervals.read((found or {}).get(METRIC))
                for found in (first["average"], second["average"], second.get("difference"))]

    def criteria(self, size, cost):
        """(what, measured, whether it is fulfilled)."""
        found = []
        averages = [self.averages(part) for part in self.parts]
        for part, (old, new, difference) in zip(self.parts, averages):
            found.append((f"{part}: mean average precision not below {self.names[0]}'s: difference's interval not below 0",
                          f"{intervals.text(new)} against {intervals.text(old)}: {intervals.text(difference, True)}",
                          intervals.is_above_zero(difference) != intervals.FAILS))
        difference = intervals.mean([difference for *_, difference in averages])
        found.append(("mean of these differences: interval above 0", intervals.text(difference, True),
                      intervals.is_above_zero(difference) == intervals.HOLDS))
        for title, images, condition, limit in verdicts.LIMITS:
            share = getattr(self, images).of(1, condition)
            found.append((f"{title}: at most {100 * limit:g} %", intervals.text(share),
                          share is not None and share.value <= limit))
        found.append((f"size: at most {LARGEST_SIZE / 1e6:g} MB", f"{size / 1e6:.2f} MB", size <= LARGEST_SIZE))
        found.append((f"multiply-adds for each pixel: at most {MOST_MULTIPLY_ADDS / 1e6:g} million",
                      f"{cost / 1e6:.4f} million", cost <= MOST_MULTIPLY_ADDS))
        return found

    @staticmethod
    def conclusion(criteria):
        missed = [what for what, _, fulfilled in criteria if not fulfilled]
        return "**Ships.**" if not missed else "**Does not ship**, because not fulfilled: " + "; ".join(missed) + "."

    def tables(self):
        def is_kind(label, kind):
            return lambda verdict: verdict.label == label and verdict.kind == kind

        def went_through(codec, condition):
            return lambda verdict: condition(verdict) and verdict.codec == codec

        def published_as(name, condition):
            return lambda verdict: condition(verdict) and verdict.format == name

        def is_reduced_photo(verdict):
            return verdict.is_real_photo() and is_reduced(verdict.kind)

        reals = [("all photos, but by night", Verdict.is_real_photo), ("all photos, reduced", is_reduced_photo)]
        codecs = (("", "as they are"), ("JPEG", "compressed as JPEG (again)"), ("WEBP", "compressed as WEBP"))
        compressed_reals = [(f"all photos, {text}", went_through(codec, Verdict.is_real_photo)) for codec, text in codecs]
        fakes = [("all", Verdict.is_fake)]
        compressed_fakes = [(f"all, {text}", went_through(codec, Verdict.is_fake)) for codec, text in codecs]
        # JPEGs have a history that a generator's PNG has not.
        for name in sorted({verdict.format for verdict in self.squares.verdicts}):
            reals.append((f"all photos, of {name} files", published_as(name, Verdict.is_real_photo)))
            fakes.append((f"all, of {name} files", published_as(name, Verdict.is_fake)))

        def lines(shares, label):
            kinds, rare = shares.kinds(label)
            found = [(kind, is_kind(label, kind)) for kind in kinds]
            if rare:
                found.append((f"{len(rare)} others, of fewer than {FEWEST_PICTURES} pictures each",
                              lambda verdict: verdict.label == label and verdict.kind in rare))
            return found

        return [
            self.squares.table("Generated squares found at the threshold", self.names,
                               fakes + compressed_fakes + lines(self.squares, "fake")),
            self.squares.table("Real squares flagged", self.names,
                               reals + compressed_reals + lines(self.squares, "real")),
            self.whole.table("Generated images found at the threshold, whole", self.names,
                             fakes + lines(self.whole, "fake")),
            self.whole.table("Real images flagged, whole", self.names, reals + lines(self.whole, "real")),
            self.thumbnails.table("Thumbnails flagged", self.names, [
                (f"{what}, shorter side of {side} pixels", went_through(side, condition)) for side in self.sides()
                for what, condition in (("photos", Verdict.is_real_photo), ("generated", Verdict.is_fake))]),
        ]

    def sides(self):
        """Shorter sides of the thumbnails, in pixels."""
        return sorted({verdict.codec for verdict in self.thumbnails.verdicts}, key=int)

    def threshold_tables(self):
        """Where the thresholds lie, and what others would do."""
        parts = list(self.parts.values())
        crossed = [verdicts.crossed(parts[:index] + parts[index + 1:]) for index in range(len(parts))]
        lines = [[name, *(f"{verdicts.probability(value):.4f}" for value in values)] for name, *values in
                 zip(self.parts, (part.thresholds[-1] for part in parts), crossed, self.thresholds)]
        others = [("as used", self.thresholds),
                  ("what the validation part says", [part.thresholds[-1] for part in parts])]
        others += [(f"{value:g}", [verdicts.logit(value)] * len(parts)) for value in OTHER_THRESHOLDS]
        rows = []
        for name, thresholds in others:
            shares = dict(zip(("squares", "whole", "thumbnails"), self.shares(thresholds)))
            rows.append([name, *(intervals.text(shares[images].of(1, condition))
                                 for _, images, condition, _ in verdicts.LIMITS),
                         *(intervals.text(shares[images].of(1, Verdict.is_fake)) for images in ("squares", "whole"))])
        return ("### Thresholds, as probabilities\n\n" + sections.table(
            ["part", "what the validation part says", "what the other parts say", "used"], lines)
            + "\n" + sections.table(["threshold", *(title for title, *_ in verdicts.LIMITS),
                                     "generated found, squares", "generated found, whole"], rows))

    def precision_table(self):
        lines = [[part, *(intervals.text(value, signed) for value, signed in zip(self.averages(part), (0, 0, 1)))]
                 for part in self.parts]
        for heading, suffix in (("published generators alone", "published"), ("whole images", "whole")):
            lines += [[f"{part}, {heading}", *(intervals.text(value, signed) for value, signed in
                                               zip(self.averages(f"{part}-{suffix}"), (0, 0, 1)))]
                      for part in self.parts]
        return "### Mean average precision over the families\n\n" + sections.table(
            ["part", *self.names, "difference"], lines)

    def plain_words(self):
        """What is found, what is missed and what is flagged wrongly, in whole sentences; of squares."""
        found = {kind: self.squares.of(1, lambda verdict, kind=kind: verdict.label == "fake" and verdict.kind == kind)
                 for kind in self.squares.kinds("fake")[0]}
        wrong = {kind: self.squares.of(1, lambda verdict, kind=kind: verdict.label == "real" and verdict.kind == kind)
                 for kind in self.squares.kinds("real")[0]}

        def named(shares, condition):
            chosen = [f"{kind} ({100 * share.value:.0f} %)" for kind, share in
                      sorted(shares.items(), key=lambda item: (-item[1].value, item[0])) if condition(share.value)]
            return ", ".join(chosen) or "none"

        return {
            "finds": f"At its threshold it finds half or more of: {named(found, lambda rate: rate >= 0.5)}.",
            "misses": f"It finds less than a tenth of: {named(found, lambda rate: rate < 0.1)}.",
            "errs": f"It flags more than one in a hundred of the real: {named(wrong, lambda rate: rate > 0.01)}.",
        }

    def card(self, training, licence, data):
        """For `staypos model card`; measured with other models of the same recipe, each on sources that it had not
        seen."""
        def share(shares, condition):
            return intervals.text(shares.of(1, condition))

        words = self.plain_words()
        return {
            "summary": "EfficientNet-Lite0, trained as a whole, with a head in which nothing speaks for real "
                       "(Stay-Positive, Algorithm 1). A statistical judgement, not a proof.",
            "data": data,
            "training": training,
            "evaluation": {
                "how": f"{len(self.parts)} models of this recipe, each tested on packages and repositories that it had "
                       "not seen, at a threshold that others have set, and their images taken together; in per cent, "
                       "with 95 % intervals. This model has seen most of those sources: it was not tested itself.",
                "mean average precision by part": {part: intervals.text(self.averages(part)[1]) for part in self.parts},
                f"less {self.names[0]}, in points": {
                    part: intervals.text(self.averages(part)[2], True) for part in self.parts},
                "mean average precision by part, published generators alone": {
                    part: intervals.text(self.averages(f"{part}-published")[1]) for part in self.parts},
                f"less {self.names[0]}, published generators alone, in points": {
                    part: intervals.text(self.averages(f"{part}-published")[2], True) for part in self.parts},
                "photos flagged, squares": share(self.squares, Verdict.is_real_photo),
                "photos flagged, whole": share(self.whole, Verdict.is_real_photo),
                **{f"photos flagged, shorter side of {side} pixels": share(
                    self.thumbnails, lambda verdict, side=side: verdict.is_real_photo() and verdict.codec == side)
                   for side in self.sides()},
                "generated found, squares": share(self.squares, Verdict.is_fake),
                "generated found, whole": share(self.whole, Verdict.is_fake),
            },
            "limits": f"{words['misses']} {words['errs']} Resizing and strong compression remove what it looks for; "
                      "generators that came later than its data may not be found at all.",
            "finds": words["finds"],
            "licence": licence,
            # What `staypos calibrate` has written says how another threshold was found.
            "calibration": None,
        }

    def text(self, size, cost, seconds, data):
        criteria = self.criteria(size, cost)
        words = self.plain_words()
        times = "".join(f"| {name} | {value} |\n" for name, value in seconds.items())
        return "\n".join([
            "Written by `Reproduction/make_model.py`. Shares and average precisions in per cent, differences in points, with "
            "95 % intervals: of average precisions the bootstrap's over images, of shares Wilson's for as many "
            "images as there are pictures. Each part was judged by a model that had not seen its sources, at a "
            "threshold that other parts have set.\n",
            self.conclusion(criteria) + "\n",
            sections.table(["test", "measured", "fulfilled"],
                           [[what, measured, "yes" if fulfilled else "**no**"]
                            for what, measured, fulfilled in criteria]),
            "\n".join(words.values()) + "\n",
            data,
            self.threshold_tables(),
            self.precision_table(),
            *self.tables(),
            report.not_scored_table(self.results, [
                (f"{part}{what}", f"{part}{suffix}/report.json") for part in self.parts
                for what, suffix in (("", ""), (", whole images", "-whole"), (", thumbnails", "-thumbnails"))]),
            f"### Seconds\n\n| stage | s |\n|---|---|\n{times}",
        ])


def codec_of_square(choose):
    """Squares went through a codec that their name decides; whole images are as they came."""
    return lambda name: choose(pathlib.PurePath(name).name) or ""
