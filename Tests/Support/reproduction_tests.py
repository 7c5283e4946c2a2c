"""Tests of what Reproduction/ concludes from results, and of its lists. Run with unittest; needs Pillow and NumPy."""

import argparse
import csv
import io
import json
import math
import pathlib
import re
import struct
import sys
import tempfile
import unittest

import numpy
from PIL import Image, JpegImagePlugin

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Reproduction"))

import intervals  # noqa: E402
import make_model  # noqa: E402
import lists  # noqa: E402
import model_report  # noqa: E402
import pictures  # noqa: E402
import report  # noqa: E402
import sections  # noqa: E402
import stages  # noqa: E402
import verdicts  # noqa: E402
from experiment import KIN, family  # noqa: E402
from fetch import read_manifest  # noqa: E402
from intervals import FAILS, HOLDS, OPEN, Interval  # noqa: E402


def record(value, lower, upper):
    return {"averagePrecision": {"value": value, "lower": lower, "upper": upper}}


class Rules(unittest.TestCase):
    def test_above_zero(self):
        for interval, verdict in ((Interval(2, 1, 3), HOLDS), (Interval(-2, -3, -1), FAILS), (Interval(1, -1, 3), OPEN),
                                  (Interval(1, 0, 3), OPEN), (Interval(-1, -3, 0), OPEN), (None, OPEN)):
            self.assertEqual(intervals.is_above_zero(interval), verdict, interval)

    def test_loses_less(self):
        above, below, around = Interval(2, 1, 3), Interval(-2, -3, -1), Interval(0, -1, 1)
        for change, mean, verdict in ((above, above, HOLDS), (above, around, HOLDS), (above, below, FAILS),
                                      (below, above, FAILS), (around, above, OPEN), (around, below, FAILS),
                                      (None, above, OPEN), (above, None, OPEN)):
            self.assertEqual(intervals.loses_less(change, mean), verdict, (change, mean))

    def test_most_where_small(self):
        for small, large, verdict in (((5, 4, 6), (2, 1, 3), HOLDS), ((5, 4, 6), (4, 3, 5), OPEN),
                                      ((1, 0.5, 2), (4, 3, 5), FAILS), ((-1, -2, -0.5), (-4, -5, -3), OPEN)):
            self.assertEqual(intervals.most_where_small(Interval(*small), Interval(*large)), verdict)

    def test_mean(self):
        found = intervals.mean([Interval(3, 0, 5), Interval(1, -3, 1)])
        self.assertEqual(found, Interval(2, 2 - 2.5, 3))
        self.assertIsNone(intervals.mean([]))
        self.assertIsNone(intervals.mean([found, None]))

    def test_wilson(self):
        # As statsmodels.stats.proportion.proportion_confint(…, method="wilson") has them.
        for hits, count, expected in ((0, 10, (0, 0, 0.277533)), (5, 10, (0.5, 0.236593, 0.763407)),
                                      (10, 10, (1, 0.722467, 1))):
            for found, value in zip(intervals.wilson(hits, count, count), expected):
                self.assertAlmostEqual(found, value, 6)
        # Squares of few pictures say less.
        wide, narrow = intervals.wilson(3, 300, 100), intervals.wilson(3, 300, 300)
        self.assertEqual(wide.value, narrow.value)
        self.assertLess(wide.lower, narrow.lower)
        self.assertGreater(wide.upper, narrow.upper)
        self.assertIsNone(intervals.wilson(0, 0, 0))


class Lists(unittest.TestCase):
    def setUp(self):
        self.manifest = read_manifest(ROOT / "Reproduction/manifest.csv")
        self.added = read_manifest(ROOT / "Reproduction/manifest-model.csv")
        self.rows = self.manifest + self.added
        with open(ROOT / "Reproduction/folds.csv", encoding="utf-8") as file:
            self.folds = {row["source"]: int(row["fold"]) for row in csv.DictReader(file)}

    @staticmethod
    def source(row):
        return re.sub("=.*" if row["source"].startswith("debian:") else "@.*", "", row["source"])

    def test_images_are_listed_once(self):
        for column in ("path", "sha256"):
            self.assertEqual(len({(row[column], row.get("tile") or "") for row in self.rows}), len(self.rows))
        self.assertEqual(len({row["path"] for row in self.rows}), len({row["sha256"] for row in self.rows}))
        self.assertTrue(all(row["licence"] for row in self.rows))
        self.assertTrue(all((row["label"] == "fake") == bool(row["family"]) for row in self.rows))

    def test_tiles_have_room_for_a_square(self):
        tiles = [row for row in self.added if row["tile"]]
        self.assertGreater(len(tiles), 200)
        for row in tiles:
            left, top, right, bottom = pictures.area(row)
            self.assertTrue(right <= int(row["width"]) and bottom <= int(row["height"]), row["path"])
            for first, last in ((left, right), (top, bottom)):
                self.assertGreaterEqual(last - -(-first // 16) * 16, make_model.FULL["side"], row["path"])
        for first in tiles:
            for second in tiles:
                if first["path"] == second["path"] and first is not second:
                    a, b = pictures.area(first), pictures.area(second)
                    self.assertTrue(a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1], first["path"])

    def test_every_source_is_in_one_part(self):
        self.assertEqual({self.source(row) for row in self.rows}, set(self.folds))
        self.assertEqual(set(self.folds.values()), set(range(make_model.FOLDS)))
        for fold in range(make_model.FOLDS):
            rows = [row for row in self.rows if self.folds[self.source(row)] == fold]
            photos = [row for row in rows if row["label"] == "real" and verdicts.is_photo(row["kind"])]
            self.assertGreater(len(photos), 200)
            self.assertGreater(sum(row["label"] == "fake" for row in rows), 250)

    def test_the_tables_agree(self):
        text = (ROOT / "Reproduction/README.md").read_text(encoding="utf-8")
        for kind in {row["kind"] for row in self.rows}:
            counts = [sum(row["kind"] == kind for row in rows) or "" for rows in (self.manifest, self.added)]
            rows = [row for row in self.rows if row["kind"] == kind]
            sources = {self.source(row) for row in rows}
            self.assertIn(f"| {rows[0]['label']} | {kind} | {counts[0]} | {counts[1]} | {len(sources)} |", text)
        text = (ROOT / "Reproduction/sources.md").read_text(encoding="utf-8")
        listed = re.findall(r"^\| ((?:debian|github):\S+) \| (\d*) \| (\d*) \|", text, re.MULTILINE)
        counts = {source.split("@")[0]: [0, 0] for source, _, _ in listed}
        self.assertEqual(len(counts), len(listed))
        for row in self.rows:
            counts[row["source"].split("@")[0]][row["label"] == "fake"] += 1
        self.assertEqual(counts, {source: [int(real or 0), int(fake or 0)] for source, real, fake in listed})

    def test_families(self):
        for generator, expected in (("LoRA (Stable Diffusion 1)", "Stable Diffusion 1 and 2"), ("FLUX.1", "FLUX"), ("FLUX.2", KIN), ("SEFI", KIN),
                                    ("Qwen-Image", "others"), ("Kandinsky 3", "Kolors and Kandinsky")):
            self.assertEqual(family(generator), expected)
            self.assertEqual(family(generator, make_model.FAMILIES), expected)
        for generator, expected in (("StyleGAN2", "GAN"), ("BigGAN and CLIP", "CLIP-guided"), ("FLUX.2", KIN), ("Stable unCLIP", "Stable Diffusion 1 and 2"),
                                    ("SDXL-Turbo", "SDXL"), ("UNO (FLUX.1)", "FLUX"), ("Sana", "others")):
            self.assertEqual(family(generator, make_model.FAMILIES), expected)

    def test_no_generator_is_taken_for_a_kind_of_real_images(self):
        sources = {row["family"] for row in self.rows} - {""}
        sources |= {*make_model.TRAINED_UPSCALERS, *make_model.UNSEEN_UPSCALERS, "reconstruction, noise 0.1"}
        for source in sources:
            self.assertNotRegex(make_model.ModelRecipe.test_family({"source": source}), "^real[^a-z]")

    def test_photos_of_unsplash_name_their_licence(self):
        rows = [row for row in self.manifest if row["source"].startswith("github:google/dreambooth@")]
        self.assertEqual(sum(row["licence"].startswith("Unsplash License") for row in rows), 77)
        for row in rows:
            # As the repository says of its sets.
            taken = row["inside"].split("/")[1] in ("backpack_dog", "candle", "dog3", "red_cartoon")
            self.assertFalse(taken and row["licence"] != "CC-BY-4.0", row["inside"])


class Parts(unittest.TestCase):
    """What make_model.py writes for training, tests and calibration, of squares that need not be there."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.work = pathlib.Path(scratch.name)
        self.recipe = recipe = make_model.ModelRecipe.__new__(make_model.ModelRecipe)
        recipe.path, recipe.scale = self.work.joinpath, {"limit": None}
        recipe.options = argparse.Namespace(data=self.work / "data")
        recipe.folds = {f"github:a/{fold}": fold for fold in range(make_model.FOLDS)}
        recipe.manifest, self.rows = [], []
        for fold in range(make_model.FOLDS):
            for kind, label in (("photo", "real"), ("night", "real"), ("screenshot", "real"), ("SDXL", "fake"),
                                ("InvokeAI presets (SDXL, FLUX.1)", "fake"), ("reconstruction, noise 0.1", "fake"),
                                ("span", "fake"), ("resampled", "real"), ("photo, reduced", "real"),
                                ("screenshot, reduced", "real")):
                names = ("photo", "screenshot") if kind == "resampled" else (kind.split(",")[0].replace(" ", "_"),)
                for name in names:
                    path = pathlib.Path("images", label, kind.split(",")[0], f"{name}-{fold}-0-0.png")
                    self.rows.append({"filename": path, "typ": label, "source": kind, "group": "g", "split": fold})
                    self.make(self.work / path)
                if kind in ("photo", "screenshot"):
                    recipe.manifest.append({"path": f"{kind}-{fold}.jpg", "label": "real", "kind": kind,
                                            "source": f"github:a/{fold}@0", "family": ""})
                    self.make(self.work / "data" / f"{kind}-{fold}.jpg")
        lists.write(self.work / "images.csv", self.rows)

    @staticmethod
    def make(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    @staticmethod
    def shown(row):
        """As evaluation names an image's generator, or the kind of a real one: `source`, or else `typ`."""
        return row["source"] or row["typ"]

    def test_generators_are_tested_by_family(self):
        self.recipe.divide(1)
        rows = lists.read(self.work / "fold-1-test.csv")
        self.assertEqual({self.shown(row) for row in rows if row["typ"] != "real"},
                         {"SDXL", "reconstruction, noise 0.1", "super-resolution, span"})
        self.assertEqual({self.shown(row) for row in rows if row["typ"] == "real"},
                         {"photo", "night", "screenshot", "resampled", "photo, reduced", "screenshot, reduced"})
        made = {self.shown(row) for row in rows if make_model.ModelRecipe.is_made_here(row["typ"])}
        self.assertEqual(made, {"reconstruction, noise 0.1", "super-resolution, span"})

    def test_parts_of_a_fold(self):
        for fold, validation in ((0, 3), (1, 0), (2, 1), (3, 2), (None, 0)):
            self.recipe.divide(fold)
            name = "final" if fold is None else f"fold-{fold}"
            places = {"train": set(), "val": set()}
            for row in lists.read(self.work / f"{name}.csv"):
                self.assertNotEqual(row["source"], "span")
                places[row["split"]].add(int(row["filename"].split("-")[-3]))
            self.assertEqual(places, {"val": {validation}, "train": set(range(4)) - {validation, fold}})

    def test_what_calibrates(self):
        self.recipe.divide(0)
        folder = self.work / "fold-0-calibration"
        found = {label: {str(path.relative_to(folder / label)) for path in (folder / label).rglob("*.*")
                         if path.is_file()} for label in ("real", "generated")}
        self.assertEqual(found["real"], {
            "photo/photo-3-0-0.png", "photo, reduced/photo-3-0-0.png", "night/night-3-0-0.png",
            "resampled/photo-3-0-0.png", "whole/photo-3.jpg"})
        self.assertEqual(found["generated"], {
            "SDXL/SDXL-3-0-0.png", "InvokeAI presets (SDXL, FLUX.1)/InvokeAI_presets_(SDXL-3-0-0.png",
            "reconstruction, noise 0.1/reconstruction-3-0-0.png"})

    def test_names_decide_what_generators_get(self):
        def write(count):
            self.recipe.path("squares.json").write_text(json.dumps(
                [{"path": f"squares/real/{index}.png", "label": "real", "reduced": index >= count}
                 for index in range(count + 50)]))
            return [set(self.recipe.part(part, 6)) for part in range(6)]

        fewer, more = write(300), write(600)
        self.assertEqual(sum(map(len, more)), 600)
        for before, after in zip(fewer, more):
            self.assertTrue(before <= after)
            self.assertGreater(len(after), 70)

    def test_the_threshold_lies_between_two_scores(self):
        for images in (2, 10, 300, 334, 900, 5000):
            rate = make_model.rate_for(images)
            self.assertGreaterEqual(int(rate * images), 1)
            self.assertLessEqual(int(rate * images), max(1, 0.003 * images))
        self.assertEqual(make_model.rate_for(900), 0.003)


class Histories(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        pixels = numpy.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=numpy.uint8)
        # In the middle of the range: what is cut off at 0 or 255 is not quantized again to the same.
        pixels = (96 + pixels // 4).astype(numpy.uint8)
        self.image = Image.fromarray(pixels).resize((64, 64), Image.BICUBIC)

    def test_history_of_a_file(self):
        for mode, options in (("RGB", {"quality": 60}), ("RGB", {"quality": 91, "subsampling": 0}),
                              ("L", {"quality": 75}), ("RGB", {"quality": 100, "progressive": True})):
            path, again = self.folder / "a.jpg", io.BytesIO()
            self.image.convert(mode).save(path, **options)
            history = json.loads(json.dumps(pictures.jpeg_history(path)))
            self.image.save(again, "JPEG", qtables=history["tables"], subsampling=history["subsampling"])
            with Image.open(path) as first, Image.open(again) as second:
                for table in (0, 1):
                    self.assertEqual(first.quantization.get(table, first.quantization[0]),
                                     second.quantization.get(table, second.quantization[0]))
                if mode == "RGB":
                    self.assertEqual(*map(JpegImagePlugin.get_sampling, (first, second)))
        self.image.save(self.folder / "a.png")
        self.assertIsNone(pictures.jpeg_history(self.folder / "a.png"))

    def test_a_history_is_repeated(self):
        self.image.save(self.folder / "a.jpg", quality=50)
        with Image.open(self.folder / "a.jpg") as file:
            seen = file.convert("RGB")
        history = pictures.jpeg_history(self.folder / "a.jpg")
        found = pictures.repeat_history(self.image, history)
        self.assertEqual(found.tobytes(), seen.tobytes())

        # What was that JPEG already changes less where its blocks are than where they are not.
        def change(pixels):
            again = pictures.repeat_history(Image.fromarray(pixels), history)
            return abs(numpy.asarray(again).astype(int) - pixels).mean()

        pixels = numpy.asarray(found)
        self.assertLess(2 * change(pixels[:48, :48].copy()), change(pixels[4:52, 4:52].copy()))

    def test_borrowed(self):
        photos = [{"tables": [number]} for number in range(3)] + [None]
        found = [make_model.borrowed_history(str(index), photos) for index in range(400)]
        self.assertEqual(found[5], make_model.borrowed_history("5", photos))
        for photo in photos[:3]:
            self.assertGreater(found.count(photo), 40)
        self.assertGreater(found.count(None), 120)
        self.assertIsNone(make_model.borrowed_history("5", []))


class Tiles(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)
        pixels = numpy.random.default_rng(2).integers(0, 256, (150, 200, 3), dtype=numpy.uint8)
        self.image = Image.fromarray(pixels)
        self.image.save(self.folder / "a.png")
        self.row = {"source": "github:a/b@0", "sha256": "12" * 32, "path": "a.png", "width": "200", "height": "150"}

    def cut(self, **row):
        return pictures.tiles(self.row | row, self.folder, self.folder / "squares", 32, 3, 1)

    def test_squares_lie_on_blocks(self):
        found = self.cut()
        self.assertEqual(len(found), 3)
        for path in found:
            x, y = (int(text) for text in path.stem.split("-")[-2:])
            self.assertEqual((x % 16, y % 16), (0, 0))
            with Image.open(path) as square:
                self.assertEqual(square.tobytes(), self.image.crop((x, y, x + 32, y + 32)).tobytes())
        self.assertEqual(self.cut(), found)

    def reduce(self, **row):
        return pictures.reduced(self.row | row, self.folder, self.folder / "reduced", 32, 1)

    def test_pictures_are_made_smaller(self):
        widths = set()
        for index in range(4):
            row = self.row | {"sha256": f"{index:02}" * 32}
            path, = self.reduce(**row)
            self.assertEqual(pictures.picture_name(path), pictures.row_name(row))
            width, height = (int(text) for text in path.stem.split("-")[-2].split("x"))
            self.assertTrue(32 <= height <= 64)
            self.assertAlmostEqual(width / height, 200 / 150, delta=0.04)
            widths.add(width)
            with Image.open(path) as square:
                self.assertEqual(square.size, (32, 32))
            self.assertEqual(self.reduce(**row), [path])
        self.assertGreater(len(widths), 1)
        # Three quarters of it have to be a square.
        self.assertEqual(self.reduce(sha256="34" * 32, tile="42x150+0+0"), [])

    def test_of_a_grid_the_sample_is_made_smaller(self):
        sheet = Image.new("RGB", (200, 150), "red")
        sheet.paste(self.image.crop((100, 0, 200, 150)), (100, 0))
        sheet.save(self.folder / "a.png")
        path, = self.reduce(tile="100x150+100+0")
        with Image.open(path) as square:
            self.assertGreater(numpy.asarray(square)[..., 1].mean(axis=0).min(), 60)
        self.assertEqual(self.reduce(sha256="56" * 32, tile="100x150+0+0"), [], "it shows nothing")

    def test_a_tile_of_a_grid_is_a_picture_of_its_own(self):
        first, second = self.cut(tile="60x70+2+3"), self.cut(tile="60x70+64+3")
        self.assertEqual(len({pictures.picture_name(path) for path in first + second}), 2)
        for left, found in ((2, first), (64, second)):
            self.assertTrue(found)
            for path in found:
                x, y = (int(text) for text in path.stem.split("-")[-2:])
                self.assertTrue(left <= x <= left + 60 - 32 and 3 <= y <= 3 + 70 - 32, path)
        self.assertEqual(pictures.picture_name(first[0]), pictures.row_name(self.row | {"tile": "60x70+2+3"}))
        # Between the borders of 16 pixels there is no room for one.
        self.assertEqual(self.cut(tile="33x70+2+3"), [])


class StagesTests(unittest.TestCase):
    def test_a_report_names_what_made_it(self):
        with tempfile.TemporaryDirectory() as scratch:
            tool = pathlib.Path(scratch, "tool")
            for version in ("1", "2"):
                tool.write_text(f"#!/bin/sh\necho tool {version}\n", encoding="utf-8")
                tool.chmod(0o755)
                run = stages.Stages(pathlib.Path(scratch, "work"), tool, 1)
                run.run("first", lambda: None)
                if version == "1":
                    self.assertRegex(run.provenance(), "^Made by tool 1, SHA-256 ")
                run.run(f"second-{version}", lambda: None)
            self.assertRegex(run.provenance(), r"(?s)several.*- tool 1, .*: first, second-1\n- tool 2, .*: second-2\n")


class Reports(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    def test_sections(self):
        path = self.write("a.md", "before\n<!-- results: begin -->\nold\n<!-- results: end -->\nafter\n")
        for _ in range(2):
            sections.replace(path, "results", "new | text\n\n")
            self.assertEqual(path.read_text(encoding="utf-8"),
                             "before\n<!-- results: begin -->\nnew | text\n<!-- results: end -->\nafter\n")
        with self.assertRaises(sections.NoSection):
            sections.replace(path, "other", "x")
        for name in ("README.md", "model.md"):
            self.assertIn("<!-- results: begin -->", (ROOT / "docs/reproduction" / name).read_text(encoding="utf-8"))

    def test_verdicts(self):
        def models(**records):
            return [{"name": name, **found} for name, found in records.items()]

        def sweep(change, mean):
            return {"points": [], "means": models(base={}, positive={"changeDifference": change, "difference": mean})}

        shares = [{"difference": record(0.2, 0.15, 0.25)}, {"difference": record(0.1, 0.05, 0.2)}]
        self.write("webp/webp.json", sweep(record(0.1, 0.05, 0.2), record(0.0, -0.1, 0.1)))
        self.write("downsize/downsize.json", sweep(record(0.1, 0.05, 0.2), record(-0.2, -0.3, -0.1)))
        self.write("unseen/report.json", {"models": models(base={}, positive={"difference": record(0.1, 0.0, 0.2)})})
        self.write("inpainting/inpainting.json", {"models": models(
            base={"shares": [{}, {}]}, positive={"difference": record(0.15, 0.1, 0.2), "shares": shares})})
        self.write("unseen-positive/report.json", {"models": models(
            positive={}, **{"clamped": {"difference": record(-0.1, -0.2, -0.05)},
                            "clamped-retrained": {"difference": record(0.1, 0.05, 0.2)}})})
        learnt = {"base": 0.9, "clamped-retrained": 0.8}
        found = report.verdicts(report.Results(self.folder), learnt)
        self.assertEqual([verdict for *_, verdict in found], [HOLDS, FAILS, OPEN, HOLDS, OPEN, HOLDS, FAILS])
        self.assertEqual(found[5][2], Interval(0.1, 0.05, 0.2))
        # What never began to learn decides nothing.
        stuck = report.verdicts(report.Results(self.folder), learnt | {"clamped-retrained": 0.5})
        self.assertEqual([verdict for *_, verdict in stuck], [HOLDS, FAILS, OPEN, HOLDS, OPEN, HOLDS, OPEN])
        table = report.verdict_table(report.Results(self.folder), learnt)
        self.assertIn("| +10.0 (+5.0 … +20.0) | *holds* |", table)
        # Without the same images at all strengths there is nothing to decide by.
        self.write("webp/webp.json", {"points": []})
        self.assertEqual(report.verdicts(report.Results(self.folder), learnt)[0][3], OPEN)

    def model_report(self, logits, difference=(0.1, 0.05, 0.2)):
        """Two parts of 100 photos, their controls, and 20 generated squares each; logits of the new model by kind."""
        parts = {}
        for part in ("fold-0", "fold-1"):
            metrics, found = {"average": record(0.6, 0.5, 0.7), "difference": record(*difference)}, []
            for name in (part, f"{part}-whole", f"{part}-thumbnails"):
                rows, images = [["filename", "label", "old", "new"]], {}
                for kind, label, count in (("photo", 0, 100), ("photo, reduced", 0, 60), ("resampled", 0, 50),
                                           ("GAN", 1, 20), ("Rare", 1, 2)):
                    for index in range(count):
                        square = f"images/{kind.replace(', ', '_')}/{part}-{index}-0-0.png"
                        images[square] = (kind, "fake" if label else "real", pictures.picture_name(square),
                                          "PNG" if label else "JPEG")
                        rows.append([square, label, -5, logits.get((kind, index), -5)])
                models = [{"name": "old", "threshold": 0.5, "average": record(0.5, 0.4, 0.6)},
                          {"name": "new", "threshold": 0.5, **metrics}]
                unscored = [{"path": "a.png", "model": model} for model in ("old", "new")] if name == "fold-1" else []
                self.write(f"{name}/report.json", {"models": models, "notScored": unscored, "real": 210, "fake": 22})
                published = record(0.4, 0.3, 0.5)
                self.write(f"{part}-published/report.json", {"models": [models[0], models[1] | {"average": published}]})
                self.write(f"{name}/scores.csv", "".join(",".join(map(str, row)) + "\n" for row in rows))
                codec = model_report.codec_of_square(lambda _: "128" if name.endswith("thumbnails") else "JPEG")
                found.append(list(verdicts.read(self.folder / name, images, codec)))
            parts[part] = verdicts.Part(*found, verdicts.model_thresholds(self.folder / part))
        return model_report.ModelReport(self.folder, parts, ("old", "new"))

    def test_a_good_model_ships(self):
        # One photo of a hundred in each part, and half of what was generated; logits at the threshold are flagged.
        good = self.model_report({("photo", 7): 0.0} | {("GAN", index): 3 for index in range(10)})
        criteria = good.criteria(13_000_000, 7_651)
        self.assertEqual(len(criteria), 9)
        self.assertEqual(good.conclusion(criteria), "**Ships.**")
        text = good.text(13_000_000, 7_651, {"cut": 1.5}, "")
        self.assertIn("| GAN | 40 | 40 | 0.0 (0.0–8.8) | 50.0 (35.2–64.8) |", text)
        self.assertIn("finds half or more of: GAN (50 %).", text)
        self.assertIn("| 1 others, of fewer than 5 pictures each | 4 | 4 |", text)
        self.assertIn("| all, of PNG files | 44 | 40 | 0.0 (0.0–8.8) | 45.5 (31.1–60.6) |", text)
        self.assertIn("| all photos, of JPEG files | 320 | 200 |", text)
        self.assertIn("| all photos, reduced | 120 | 120 | 0.0 (0.0–3.1) | 0.0 (0.0–3.1) |", text)
        self.assertIn("| photos, shorter side of 128 pixels | 320 | 200 |", text)
        self.assertIn("| generated, shorter side of 128 pixels | 44 | 40 |", text)
        self.assertIn("| all, compressed as JPEG (again) | 44 | 40 | 0.0 (0.0–8.8) | 45.5 (31.1–60.6) |", text)
        self.assertIn("| all photos, compressed as JPEG (again) | 320 | 200 |", text)
        self.assertIn("| fold-0, published generators alone | 50.0 (40.0–60.0) | 40.0 (30.0–50.0) |", text)
        self.assertIn("| fold-1 | 1 | 232 |\n| fold-1, whole images | 0 | 232 |", text)
        card = good.card("t", "Apache-2.0", "d")
        self.assertEqual(card["evaluation"]["mean average precision by part"]["fold-1"], "60.0 (50.0–70.0)")
        published = card["evaluation"]["mean average precision by part, published generators alone"]
        self.assertEqual(published["fold-0"], "40.0 (30.0–50.0)")
        self.assertIsNone(card["calibration"])
        self.assertTrue(card["evaluation"]["photos flagged, whole"].startswith("0.6 ("))
        self.assertTrue(card["evaluation"]["photos flagged, shorter side of 128 pixels"].startswith("0.6 ("))

    def test_thresholds_lie_between_scores(self):
        self.assertEqual(verdicts.between([1, 9, 4, 3], 0.5), 3.5)
        # One at least, and nothing without a lower one.
        self.assertEqual(verdicts.between([1, 9, 4, 3], 0.01), 6.5)
        self.assertEqual(verdicts.between([1], 0.5), -math.inf)
        self.assertAlmostEqual(verdicts.probability(verdicts.logit(0.97)), 0.97)

    def test_other_parts_set_a_threshold(self):
        def part(own, *highest, kind="photo", place=0):
            images = [[verdicts.Verdict("photo", "real", "", "", "", (0, -5))] * 3 for _ in range(3)]
            images[place] = images[place] + [verdicts.Verdict(kind, "real", "", "", "", (0, logit))
                                             for logit in highest]
            return verdicts.Part(*images, (0, own))

        parts = [part(1, 8, 3), part(1, 7, 2), part(1, 6, 1)]
        # Of the two others together, one is flagged: the threshold is between it and the next.
        self.assertEqual(verdicts.thresholds(parts), [6.5, 7, 7.5])
        self.assertEqual(verdicts.crossed(parts), 7.5)
        # What its own validation part says may be higher; the part itself says nothing.
        self.assertEqual(verdicts.thresholds([part(9, 80, 70)] + parts[1:])[0], 9)
        # Each sort of real images counts, and no other.
        for kind, place in (("photo, reduced", 0), ("photo", 1), ("resampled", 0)):
            others = [part(1), part(1, 30, 20, kind=kind, place=place)]
            self.assertEqual(verdicts.thresholds(others)[0], 25, kind)
        for kind, place in (("painting", 0), ("night", 0), ("photo", 2)):
            others = [part(1), part(1, 30, 20, kind=kind, place=place)]
            self.assertEqual(verdicts.thresholds(others)[0], 1, kind)

    def test_the_report_shows_other_thresholds(self):
        judged = self.model_report({("GAN", index): 3 for index in range(10)} | {("photo", index): 6 - index
                                                                                 for index in range(3)})
        self.assertEqual(judged.thresholds, [5.5, 5.5])
        table = judged.threshold_tables()
        self.assertIn("| fold-0 | 0.5000 | 0.9959 | 0.9959 |", table)
        self.assertRegex(table, r"\| as used \| 1.0 \(.*\| 0.0 \(0.0–8.8\) \| 0.0 \(0.0–8.8\) \|\n")
        self.assertRegex(table, r"\| what the validation part says \| 3.0 \(.*\| 45.5 \(\S+\) \| 45.5 \(\S+\) \|\n")
        self.assertRegex(table, r"\| 0.99 \| 2.0 \(")
        self.assertEqual(judged.final_threshold(0.2), 0.997528)
        self.assertEqual(judged.final_threshold(1 - 1e-9), 0.999999)
        self.assertEqual(judged.final_threshold(0.999), 0.999)

    def test_wrong_labels_are_noticed(self):
        self.model_report({})
        with self.assertRaises(ValueError):
            list(verdicts.read(self.folder / "fold-0", {
                f"images/{kind.replace(', ', '_')}/fold-0-{index}-0-0.png": (kind, "real", "", "")
                for kind in ("photo", "photo, reduced", "resampled", "GAN", "Rare") for index in range(100)}, lambda _: ""))

    def test_each_criterion_counts(self):
        found = {("GAN", index): 3 for index in range(10)}
        flagged = {("photo", index): 1 for index in range(4)}
        reduced = {("photo, reduced", index): 1 for index in range(1)}
        controls = {("resampled", index): 1 for index in range(2)}
        for logits, difference, size, cost, missed in (
                (found, (0.1, -0.1, 0.3), 1, 1, ["mean of these differences"]),
                (found, (-0.1, -0.2, -0.05), 1, 1, ["difference's interval"] * 2 + ["mean of these differences"]),
                (found | flagged, (0.1, 0.05, 0.2), 1, 1, ["photos flagged, squares", "photos flagged, whole"]),
                (found | reduced, (0.1, 0.05, 0.2), 1, 1, ["squares of pictures made smaller"]),
                (found | controls, (0.1, 0.05, 0.2), 1, 1, ["negative control"]),
                (found, (0.1, 0.05, 0.2), 16_000_001, 1, ["size"]),
                (found, (0.1, 0.05, 0.2), 1, 50_001, ["multiply-adds"])):
            judged = self.model_report(logits, difference)
            criteria = judged.criteria(size, cost)
            failed = [what for what, _, fulfilled in criteria if not fulfilled]
            self.assertEqual(len(failed), len(missed), failed)
            for what, part in zip(failed, missed):
                self.assertIn(part, what)
            self.assertTrue(judged.conclusion(criteria).startswith("**Does not ship**"))

    def test_multiply_adds(self):
        with open(ROOT / "Models/staypos-lite0-v0.safetensors", "rb") as file:
            header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        architecture = json.loads(header["__metadata__"]["architecture"])
        # Published: 385 million of an image of 224 × 224, 1.28 million of them in the classifier.
        self.assertAlmostEqual(model_report.multiply_adds(architecture) * 224 ** 2 / 1e6, 385.2 - 1.28, 1)

    def test_pictures(self):
        for name in ("a/debian-x-1.0-0123456789ab-16-320.png", "debian-x-1.0-0123456789ab-0-0.png.png"):
            self.assertEqual(pictures.picture_name(name), "debian-x-1.0-0123456789ab")
        chosen = [make_model.compression(str(index)) for index in range(300)]
        for codec in (None, "JPEG", "WEBP"):
            self.assertGreater(sum(found == codec for found, _ in chosen), 60)
        self.assertEqual(chosen[7], make_model.compression("7"))


if __name__ == "__main__":
    unittest.main()
