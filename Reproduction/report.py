"""The report of a reproduction, out of the files that staypos wrote: verdicts, tables, plots."""

import csv
import json
import pathlib

import intervals
import sections

METRIC = "averagePrecision"
# On the validation images: a training that stays below has not begun to tell the classes apart, which says something of
# its options and nothing of the idea.
LEAST_ACCURACY = 0.55
PLOTS = {
    "webp/webp-averagePrecision.svg": "webp.svg", "webp-all/webp-averagePrecision.svg": "webp-all.svg",
    "downsize/downsize-averagePrecision.svg": "downsize.svg", "inpainting/inpainting-detection.svg": "inpainting.svg",
    "inpainting/inpainting-localisation.svg": "localisation.svg",
}


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def percent(row):
    """A value with its interval."""
    value, lower, upper = (row[METRIC + suffix] for suffix in ("", "Lower", "Upper"))
    if "" in (value, lower, upper):
        return f"{100 * float(value):.1f}" if value else "–"
    return intervals.Interval(float(value), float(lower), float(upper)).percent()


def table(title, models, columns):
    """columns: (heading, a dictionary from models to rows or to texts)."""
    lines = [[model, *(column[model] if isinstance(column.get(model), str) else
                       percent(column[model]) if model in column else "–" for _, column in columns)]
             for model in models]
    return f"### {title}\n\n" + sections.table(["model", *(heading for heading, _ in columns)], lines)


def evaluation(path, generator):
    return {row["model"]: row for row in rows(path) if row["generator"] == generator}


def sweep(path):
    """(strength, rows by model) in the file's order, `mean` at the end; the average over the generators."""
    columns = {}
    for row in rows(path):
        if row["generator"] == "average" and row["value"] != "change":
            columns.setdefault(row["value"], {})[row["model"]] = row
    return list(columns.items())


def inpainting(path):
    columns = {}
    for row in rows(path):
        columns.setdefault(f"{float(row['shareFrom']):g}–{float(row['shareTo']):g} %", {})[row["model"]] = row
    return list(columns.items())


class Results:
    """Differences of average precisions, by test."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def models(self, name, key="models"):
        """What a report in JSON says of each model."""
        report = json.loads((self.folder / name).read_text(encoding="utf-8"))
        return {model["name"]: model for model in report.get(key) or []}

    def not_scored(self, name):
        """(images that some model did not score, images that all did)."""
        report = json.loads((self.folder / name).read_text(encoding="utf-8"))
        return len({item["path"] for item in report["notScored"]}), report["real"] + report["fake"]

    def difference(self, name, model, key="difference", part="models"):
        return intervals.read((self.models(name, part).get(model, {}).get(key) or {}).get(METRIC))

    def share_differences(self, model):
        """Of inpainted images, from the smallest share to the largest."""
        found = self.models("inpainting/inpainting.json").get(model, {})
        return [intervals.read((share.get("difference") or {}).get(METRIC)) for share in found.get("shares", [])]

    def column(self, name, models, key="difference", part="models"):
        return {model: intervals.text(self.difference(name, model, key, part), signed=True) for model in models}


def verdicts(results, accuracies):
    """(question, what was measured, interval, verdict) for each finding; `positive` is ours. The rules are those of
    docs/reproduction/README.md. accuracies: the best on the validation images, of models with training by epochs."""
    found = []
    for question, sweep_name, what in (("1. WEBP", "webp", "qualities"), ("2. downsizing", "downsize", "factors")):
        report = f"{sweep_name}/{sweep_name}.json"
        change = results.difference(report, "positive", "changeDifference", "means")
        mean = results.difference(report, "positive", "difference", "means")
        measured = (f"change of the mean over all {what}, `positive` less `base` (of the mean itself: "
                    f"{intervals.text(mean, signed=True)})")
        found.append((question, measured, change, intervals.loses_less(change, mean)))
    unseen = results.difference("unseen/report.json", "positive")
    found.append(("3. unseen families", "mean over the families, `positive` less `base`", unseen,
                  intervals.is_above_zero(unseen)))
    inpainted = results.difference("inpainting/inpainting.json", "positive")
    found.append(("4. inpainted", "mean over the shares, `positive` less `base`", inpainted,
                  intervals.is_above_zero(inpainted)))
    shares = results.share_differences("positive") or [None]
    measured = (f"the same of the smallest share; of the largest: {intervals.text(shares[-1], signed=True)}")
    found.append(("4. most where the part is small", measured, shares[0],
                  intervals.most_where_small(shares[0], shares[-1])))
    for name, question in (("clamped", "5. clamping without training again is worse"),
                           ("clamped-retrained", "5. training all of it clamped is worse")):
        # Of the other model less ours: turned, so that the finding is above 0.
        other = results.difference("unseen-positive/report.json", name)
        difference = None if other is None else -other
        measured = f"mean over the unseen families, `positive` less `{name}`"
        verdict = intervals.is_above_zero(difference)
        if accuracies.get(name, 1) < LEAST_ACCURACY:
            measured, verdict = f"{measured}; the latter's training did not get beyond chance", intervals.OPEN
        found.append((question, measured, difference, verdict))
    return found


def verdict_table(results, accuracies):
    return "### Verdicts\n\n" + sections.table(
        ["question", "measured, average precision in points", "difference", "verdict"],
        [[question, measured, intervals.text(interval, signed=True), f"*{verdict}*"]
         for question, measured, interval, verdict in verdicts(results, accuracies)])


def not_scored_table(results, tests):
    """tests: (heading, report); those that are there."""
    lines = [[heading, *results.not_scored(name)] for heading, name in tests if (results.folder / name).exists()]
    return "### Images not scored\n\n" + sections.table(["test", "not scored", "scored by all models"], lines)


def text(results, models, seconds, data, accuracies):
    folder, others = results.folder, models[1:]
    aligned, unseen = folder / "aligned/results.csv", folder / "unseen/results.csv"
    families = sorted({row["generator"] for row in rows(unseen)} - {"average", "all", "difference"})
    # A tiny run may have none of them.
    kin = rows(folder / "kin/results.csv") if (folder / "kin").exists() else []
    kin = {row["model"]: row for row in kin if row["generator"] == "average"}
    webp, downsize = sweep(folder / "webp/webp.csv"), sweep(folder / "downsize/downsize.csv")
    inpainted = inpainting(folder / "inpainting/inpainting.csv")

    def last(columns):
        return next(column for column in reversed(columns) if column[0] != "mean")

    def means(name, key):
        return results.column(name, others, key, "means")

    times = "".join(f"| {name} | {value} |\n" for name, value in seconds.items())
    return "\n".join([
        "Average precision in per cent, differences in points, with the bootstrap's 95 % interval. Written by "
        "`Reproduction/reproduce.py`.\n",
        data,
        verdict_table(results, accuracies),
        table("Best balanced accuracy in training, on the validation images", list(accuracies), [
            ("per cent", {model: f"{100 * value:.1f}" for model, value in accuracies.items()})]),
        table("Ablation", models, [
            ("aligned, as trained", evaluation(aligned, "average")),
            (f"fakes as WEBP {last(webp)[0]}", last(webp)[1]),
            (f"downsized to {last(downsize)[0]}", last(downsize)[1]),
            ("unseen families", evaluation(unseen, "average")),
            (f"inpainted, {inpainted[0][0]}", inpainted[0][1]),
        ]),
        table("Difference from base", others, [
            ("aligned, as trained", results.column("aligned/report.json", others)),
            ("WEBP, mean", means("webp/webp.json", "difference")),
            ("WEBP, change", means("webp/webp.json", "changeDifference")),
            ("all as WEBP, mean", means("webp-all/webp.json", "difference")),
            ("downsized, mean", means("downsize/downsize.json", "difference")),
            ("downsized, change", means("downsize/downsize.json", "changeDifference")),
            ("unseen families", results.column("unseen/report.json", others)),
            ("inpainted, mean", results.column("inpainting/inpainting.json", others)),
        ]),
        table("Difference from positive", [model for model in models if model.startswith("clamped")], [
            ("aligned, as trained", results.column("aligned-positive/report.json", models)),
            ("unseen families", results.column("unseen-positive/report.json", models)),
        ]),
        table("WEBP quality, of the fakes only", models, webp),
        table("WEBP quality, of all images", models, sweep(folder / "webp-all/webp.csv")),
        table("Downsizing", models, downsize),
        table("Unseen families, real images as they are", models,
              [(name, evaluation(unseen, name)) for name in families] + [("average", evaluation(unseen, "average"))]),
        table("Generators with the reconstructions' own autoencoder, of FLUX.2: not among the unseen", models, [
            ("all of them", kin)]),
        table("Inpainting, by share of the pixels", models, inpainted),
        "".join(f"![{name.removesuffix('.svg')}]({name})\n" for name in PLOTS.values()),
        not_scored_table(results, [(name, f"{name}/report.json") for name in ("aligned", "unseen", "kin")]),
        f"### Seconds\n\n| stage | s |\n|---|---|\n{times}",
    ])


def write(results, documents, models, seconds, data, accuracies):
    """Into the section `results` of README.md, and the plots beside it."""
    documents = pathlib.Path(documents)
    sections.replace(documents / "README.md", "results", text(Results(results), models, seconds, data, accuracies))
    for source, name in PLOTS.items():
        plot = pathlib.Path(results, source).read_text(encoding="utf-8")
        # Where the images were on the machine that drew it is nobody's business.
        (documents / name).write_text(plot.replace(f"{pathlib.Path(results).parent}/", ""), encoding="utf-8")
