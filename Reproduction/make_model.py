#!/usr/bin/env python3
"""The default model: trained and validated by whole sources left out, as docs/reproduction/model.md says.

Interrupted, it goes on where it was when it is called again. Everything lies below --work.
"""

import io
import json
import pathlib

from PIL import Image

import lists
import model_report
import pictures
import sections
from experiment import AUTOENCODER, FAMILIES, HERE, Experiment, digest, family, parse
from stages import StageFailed, main

FOLDS = 4
SEED = 1
NAME, LICENCE = "staypos-lite0-v1", "Apache-2.0"
# Of the photos that say where a threshold lies: on other sources there are more. A fifth of what is asked for.
FALSE_POSITIVE_RATE = 0.002
# Latent noise of the reconstructions, as a share of the latents' standard deviation.
NOISES = (0.0, 0.1, 0.25)
TRAINED_UPSCALERS = ("waifu2x-photo", "real-esrgan-compact", "real-cugan-pro")
# Never trained on: what they show is how far training on others carries.
UNSEEN_UPSCALERS = ("waifu2x-cunet", "real-cugan", "span")
FULL = dict(side=320, tiles=3, epochs=24, patience=3, batch=64, bootstrap=1000, limit=None)
TINY = FULL | dict(side=160, tiles=1, epochs=1, patience=1, batch=8, bootstrap=50, limit=1)
# Of `train backbone`.
RECIPE = ("--webp-share", "0.3", "--learning-rate", "2e-4")


def compression(key):
    """What happens to an image on its way: (None, JPEG or WEBP; quality)."""
    chance = pictures.generator(SEED, "retouch", key)
    return chance.choice((None, "JPEG", "WEBP")), chance.randint(55, 97)


def retouch(source, target, key):
    """Compresses an image, whatever it shows. The key decides how, the same for a real image and what was made from it,
    so that it says nothing about the label."""
    if target.exists():
        return
    image, (codec, quality) = Image.open(source).convert("RGB"), compression(key)
    if codec:
        memory = io.BytesIO()
        image.save(memory, codec, quality=quality)
        image = Image.open(memory).convert("RGB")
    pictures.save(image, target)


def resample(source, target, key):
    """The negative control: halved and doubled like the super-resolution networks' images, by interpolation."""
    if target.exists():
        return
    image, chance = Image.open(source).convert("RGB"), pictures.generator(SEED, "resample", key)
    method = chance.choice((Image.BILINEAR, Image.BICUBIC, Image.LANCZOS))
    pictures.save(image.resize([side // 2 for side in image.size], Image.BICUBIC).resize(image.size, method), target)


class ModelRecipe(Experiment):
    def __init__(self, options, scale):
        super().__init__(options, scale)
        self.recipe = (*RECIPE, "--precision", options.precision)
        self.folds = {row["source"]: int(row["fold"]) for row in lists.read(HERE / "folds.csv")}

    def fold(self, row):
        source = row["source"].split("@")[0]
        source = source.split("=")[0] if source.startswith("debian:") else source
        if source not in self.folds:
            raise StageFailed(f"folds.csv does not say where {source} belongs")
        return self.folds[source]

    # Data

    def cut(self):
        """Squares of all images; what they are goes into squares.json."""
        squares = []
        for label in ("real", "fake"):
            for row in self.images(label):
                for path in pictures.tiles(row, self.options.data, self.path("squares", label), self.scale["side"],
                                           self.scale["tiles"], SEED):
                    squares.append({"path": str(path.relative_to(self.path())), "label": label,
                                    "kind": row["kind"] if label == "real" else row["family"],
                                    "source": pictures.source_name(row), "fold": self.fold(row)})
        self.path("squares.json").write_text(json.dumps(squares))

    def squares(self, label):
        return [square for square in json.loads(self.path("squares.json").read_text()) if square["label"] == label]

    def part(self, part, parts):
        """A part of the real squares, always the same: not every generator gets all of them."""
        chosen = sorted(self.squares("real"), key=lambda square: pictures.generator(SEED, square["path"]).random())
        return [pathlib.Path(square["path"]) for square in chosen[part::parts]]

    def reconstruct(self, noise):
        originals = self.path("originals", f"{noise}")
        for path in self.part(NOISES.index(noise), len(NOISES)):
            lists.share(self.path(path), originals / path.parent.name / path.name)
        self.align(originals, self.path("reconstructed", f"{noise}"), "--latent-noise", noise, "--seed", SEED)

    def upscale_all(self):
        networks = TRAINED_UPSCALERS + UNSEEN_UPSCALERS
        for part, network in enumerate(networks):
            paths = [self.path(path) for path in self.part(part, 2 * len(networks))]
            self.upscale(network, paths, self.path("upscaled", network))

    def made_from(self, square):
        """(kind, label, file) of everything that was made from a real square."""
        path = pathlib.Path(square["path"])
        for noise in NOISES:
            made = self.path("reconstructed", f"{noise}", "1_fake", path.parent.name, f"{path.name}.png")
            if made.exists():
                yield f"reconstruction, noise {noise}", "fake", made
        for network in TRAINED_UPSCALERS + UNSEEN_UPSCALERS:
            made = self.path("upscaled", network, path.name)
            if made.exists():
                yield network, "fake", made
                control = self.path("resampled", path.name)
                resample(self.path(square["path"]), control, path.name)
                yield "resampled", "real", control

    def assemble(self):
        """images.csv: every square as it will be trained or tested on, with its fold instead of a part."""
        rows, seen = [], set()
        for square in self.squares("real") + self.squares("fake"):
            name = pathlib.Path(square["path"]).name
            files = [(square["kind"], square["label"], self.path(square["path"]))]
            if square["label"] == "real":
                files += self.made_from(square)
            for kind, label, path in files:
                target = pathlib.Path("images", label, kind.replace(" ", "_").replace(",", ""), name)
                if target not in seen:
                    seen.add(target)
                    retouch(path, self.path(target), name)
                    rows.append({"filename": target, "typ": label, "source": kind, "group": square["source"],
                                 "split": square["fold"]})
        lists.write(self.path("images.csv"), rows)

    def divide(self, fold):
        """Lists of a fold: it is the test set, the next one validates and calibrates. None: all but one train."""
        test, validation = fold, (0 if fold is None else fold + 1) % FOLDS
        name = "final" if fold is None else f"fold-{fold}"
        rows = lists.read(self.path("images.csv"))
        for row in rows:
            place = int(row["split"])
            row["split"] = "test" if place == test else "val" if place == validation else "train"
            row["group"] = ""
        trained = [row for row in rows if row["split"] != "test" and row["source"] not in UNSEEN_UPSCALERS]
        lists.write(self.path(f"{name}.csv"), trained)
        # Evaluation tells generators apart by their `typ`, kinds of real images by `source`.
        tested = [row for row in rows if row["split"] == "test"]
        lists.write(self.path(f"{name}-test.csv"), [
            row | {"typ": "real" if row["typ"] == "real" else self.test_family(row)} for row in tested])
        calibration = self.path(f"{name}-calibration")
        kinds = ("photo", "night", "panorama", model_report.NEGATIVE_CONTROL)
        for row in trained:
            if row["split"] == "val" and row["typ"] == "real" and row["source"].startswith(kinds):
                name = pathlib.Path(row["source"], pathlib.Path(row["filename"]).name)
                lists.share(self.path(row["filename"]), calibration / name)

    @staticmethod
    def test_family(row):
        """What was made here stays by itself, generators with few images are one. A name that began with `real-` would
        be a kind of real images."""
        if row["source"] in TRAINED_UPSCALERS + UNSEEN_UPSCALERS:
            return f"super-resolution, {row['source']}"
        return row["source"] if row["source"].startswith("reconstruction") else family(row["source"])

    # Models

    def train(self, name):
        data = self.path(f"{name}.csv")
        self.train_backbone(data, f"{name}-base", self.options.start, *self.recipe, seed=SEED)
        self.train_head(data, f"{name}-head", f"{name}-base", "positive", seed=SEED)
        self.stages.tool("calibrate", "--false-positive-rate", FALSE_POSITIVE_RATE, "--model",
                         self.model(f"{name}-head"), "--name", NAME if name == "final" else name, "--output",
                         self.model(name), "--precision", "fp32", self.path(f"{name}-calibration"))

    def test(self, name):
        self.measure("evaluate", name, [self.options.rival, self.model(name)], "--data",
                     self.path(f"{name}-test.csv"), seed=SEED)

    def test_whole(self, name, fold):
        """The manifest's images themselves, as the daemon would score them."""
        lists.link(self.options.data.resolve(), self.path("whole"))
        rows = [row for label in ("real", "fake") for row in self.images(label) if self.fold(row) == fold]
        listed = self.path(f"{name}-whole.csv")
        lists.write(listed, [{"filename": pathlib.Path("whole", row["path"]),
                              "typ": family(row["family"]) if row["label"] == "fake" else "real",
                              "source": row["family"] or row["kind"], "split": "test"} for row in rows])
        self.measure("evaluate", f"{name}-whole", [self.options.rival, self.model(name)], "--data", listed, seed=SEED)

    def run(self):
        run, scale = self.stages.run, self.scale
        run("fetch", lambda: self.fetch(()), manifest=self.manifest_digest)
        run("cut", self.cut, ["fetch"], side=scale["side"], tiles=scale["tiles"], limit=scale["limit"],
            folds=self.folds, seed=SEED)
        for noise in NOISES:
            run(f"reconstruct-{noise}", lambda noise=noise: self.reconstruct(noise), ["cut"], **AUTOENCODER)
        run("upscale", self.upscale_all, ["cut"], networks=TRAINED_UPSCALERS + UNSEEN_UPSCALERS)
        run("assemble", self.assemble, ["upscale", *(f"reconstruct-{noise}" for noise in NOISES)])
        run("stats", lambda: self.stages.tool("dataset", "stats", self.path("images.csv"), succeeds=(0, 1)),
            ["assemble"])
        training = {key: scale[key] for key in ("epochs", "patience", "batch")} | {
            "start": digest(self.options.start), "recipe": self.recipe, "rate": FALSE_POSITIVE_RATE}
        rival = digest(self.options.rival)
        for fold in range(FOLDS):
            name = f"fold-{fold}"
            run(f"divide-{name}", lambda fold=fold: self.divide(fold), ["assemble"], families=FAMILIES)
            run(f"train-{name}", lambda name=name: self.train(name), [f"divide-{name}"], **training)
            run(f"test-{name}", lambda name=name: self.test(name), [f"train-{name}"], rival=rival)
            run(f"test-{name}-whole", lambda name=name, fold=fold: self.test_whole(name, fold), [f"train-{name}"],
                rival=rival)
        run("divide-final", lambda: self.divide(None), ["assemble"])
        run("train-final", lambda: self.train("final"), ["divide-final"], **training)
        self.finish()

    # Report

    def verdicts(self):
        """On the squares, and on the whole images, of all parts."""
        rows = lists.read(self.path("images.csv"))
        images = {row["filename"]: (row["source"], row["typ"], pictures.picture_name(row["filename"])) for row in rows}
        whole = {str(pathlib.Path("whole", row["path"])): (row["family"] or row["kind"], row["label"], row["path"])
                 for row in self.manifest}
        codec = model_report.codec_of_square(lambda name: compression(name)[0])
        squares, wholes = [], []
        for fold in range(FOLDS):
            folder = self.path("results", f"fold-{fold}")
            squares += model_report.read_verdicts(folder, 2, images, codec)
            wholes += model_report.read_verdicts(folder.with_name(f"fold-{fold}-whole"), 2, whole, lambda _: "")
        return squares, wholes

    def data(self):
        """How many squares there are, by part."""
        rows, parts = lists.read(self.path("images.csv")), []
        for fold in range(FOLDS):
            part = [row for row in rows if row["split"] == str(fold)]
            photos = [row for row in part if row["typ"] == "real" and model_report.is_photo(row["source"])]
            made = [row for row in part if row["typ"] == "fake"]
            parts.append([f"fold-{fold}", len(photos), len({pictures.picture_name(row["filename"]) for row in photos}),
                          len(part) - len(made) - len(photos), len(made), len({row["group"] for row in part})])
        return "### Squares\n\n" + sections.table(
            ["part", "photos", "of so many pictures", "other real", "generated", "sources"], parts)

    def finish(self):
        """Writes the card into the model, and the report into the protocol."""
        rival = pathlib.Path(self.options.rival).resolve().stem
        judged = model_report.ModelReport(self.path("results"), *self.verdicts(),
                                          [f"fold-{fold}" for fold in range(FOLDS)], (rival, NAME))
        rows = lists.read(self.path("final.csv"))
        squares = {typ: sum(row["typ"] == typ and row["split"] == "train" for row in rows) for typ in ("real", "fake")}
        target = self.path(f"{NAME}.safetensors")
        card = judged.card(
            f"On {squares['real']} real and {squares['fake']} generated squares of {self.scale['side']} pixels: "
            f"{self.scale['epochs']} epochs at most, batches of {self.scale['batch']}, {' '.join(self.recipe)}; the "
            "rest of the options of staypos train backbone as they are; then staypos train head --variant positive. "
            f"The threshold flags {100 * FALSE_POSITIVE_RATE:g} % of the photos of a part that was not trained on.",
            LICENCE, f"Reproduction/manifest.csv, SHA-256 {self.manifest_digest}: photos, screenshots, paintings, "
            "drawings and renders of Debian packages and public repositories under free licences, generated images of "
            "public repositories, reconstructions by the autoencoder TAEF2, super-resolution; half of the images that "
            "super-resolution was made of also resampled, as real ones.")
        self.path("card.json").write_text(json.dumps(card, ensure_ascii=False), encoding="utf-8")
        with open(self.stages.logs / "card.log", "a", encoding="utf-8") as self.stages.log:
            self.stages.tool("model", "card", self.model("final"), "--card", self.path("card.json"), "--output", target)
            found = json.loads(self.stages.tool("model", "info", "--json", target))
        cost = model_report.multiply_adds(found["architecture"])
        document = self.documents() / "model.md"
        sections.replace(document, "results",
                         judged.text(target.stat().st_size, cost, self.stages.seconds(), self.data()))
        print(f"the model is {target}; the report is in {document}")


if __name__ == "__main__":
    given = parse(__doc__, ".build/model")
    main(lambda: ModelRecipe(given, TINY if given.tiny else FULL).run())
