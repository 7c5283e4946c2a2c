"""The tables of a reproduction, out of the CSV files that staypos wrote."""

import csv
import json
import pathlib
import shutil

METRIC = "averagePrecision"
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
    if value in (None, ""):
        return "–"
    interval = f" ({100 * float(lower):.1f}–{100 * float(upper):.1f})" if lower not in (None, "") else ""
    return f"{100 * float(value):.1f}{interval}"


def table(title, models, columns):
    """columns: (heading, a dictionary from models to rows)."""
    lines = [f"### {title}", "", "| model | " + " | ".join(heading for heading, _ in columns) + " |",
             "|---" * (len(columns) + 1) + "|"]
    for model in models:
        cells = [percent(column[model]) if model in column else "–" for _, column in columns]
        lines.append(f"| {model} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def evaluation(path, generator):
    return {row["model"]: row for row in rows(path) if row["generator"] == generator}


def sweep(path):
    """(strength, rows by model) in the file's order; the average over the generators."""
    columns = {}
    for row in rows(path):
        if row["generator"] == "average":
            columns.setdefault(row["value"], {})[row["model"]] = row
    return list(columns.items())


def inpainting(path):
    columns = {}
    for row in rows(path):
        columns.setdefault(f"{float(row['shareFrom']):g}–{float(row['shareTo']):g} %", {})[row["model"]] = row
    return list(columns.items())


def differences(path):
    """What the mean over the generators differs by from the first model's, by model."""
    report = json.loads(path.read_text(encoding="utf-8"))
    columns = {}
    for model in report["models"]:
        if difference := (model.get("difference") or {}).get(METRIC):
            parts = (("", "value"), ("Lower", "lower"), ("Upper", "upper"))
            columns[model["name"]] = {METRIC + suffix: difference.get(key) for suffix, key in parts}
    return columns


def write(results, output, models, seconds):
    results, output = pathlib.Path(results), pathlib.Path(output)
    output.mkdir(parents=True, exist_ok=True)
    aligned, unseen = results / "aligned/results.csv", results / "unseen/results.csv"
    families = sorted({row["generator"] for row in rows(unseen)} - {"average", "all"})
    webp, downsize = sweep(results / "webp/webp.csv"), sweep(results / "downsize/downsize.csv")
    inpainted = inpainting(results / "inpainting/inpainting.csv")
    parts = [
        "## Results\n\nAverage precision in per cent, with the bootstrap's 95 % interval. Written by "
        "`Reproduction/reproduce.py`.\n",
        table("Ablation", models, [
            ("aligned, as trained", evaluation(aligned, "average")),
            (f"fakes as WEBP {webp[-1][0]}", webp[-1][1]),
            (f"downsized to {downsize[-1][0]}", downsize[-1][1]),
            ("unseen families", evaluation(unseen, "average")),
            (f"inpainted, {inpainted[0][0]}", inpainted[0][1]),
        ]),
        table("Difference from base", models[1:], [
            ("aligned, as trained", differences(results / "aligned/report.json")),
            ("unseen families", differences(results / "unseen/report.json")),
        ]),
        table("Difference from positive", [model for model in models if model.startswith("clamped")], [
            ("aligned, as trained", differences(results / "aligned-positive/report.json")),
            ("unseen families", differences(results / "unseen-positive/report.json")),
        ]),
        table("WEBP quality, of the fakes only", models, webp),
        table("WEBP quality, of all images", models, sweep(results / "webp-all/webp.csv")),
        table("Downsizing", models, downsize),
        table("Unseen families, real images as they are", models,
              [(name, evaluation(unseen, name)) for name in families] + [("average", evaluation(unseen, "average"))]),
        table("Inpainting, by share of the pixels", models, inpainted),
    ]
    for source, name in PLOTS.items():
        shutil.copyfile(results / source, output / name)
    plots = [f"![{name.removesuffix('.svg')}]({name})" for name in PLOTS.values()]
    times = "\n".join(f"| {name} | {value} |" for name, value in seconds.items())
    parts += ["\n".join(plots) + "\n", f"### Seconds\n\n| stage | s |\n|---|---|\n{times}\n"]
    (output / "results.md").write_text("\n".join(parts), encoding="utf-8")
