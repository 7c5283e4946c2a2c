#!/usr/bin/env python3
"""The default model: trained and validated by whole sources left out, as docs/reproduction/model.md says.

Interrupted, it goes on where it was when it is called again. Everything lies below --work.
"""

import io
import json
import pathlib
import shutil

from PIL import Image

import lists
import pictures
from experiment import AUTOENCODER, HERE, Experiment, digest, parse
from stages import StageFailed, main

FOLDS = 4
SEED = 1
# Latent noise of the reconstructions, as a share of the latents' standard deviation.
NOISES = (0.0, 0.1, 0.25)
TRAINED_UPSCALERS = ("waifu2x-photo", "real-esrgan-compact", "real-cugan-pro")
# Never trained on: what they show is how far training on others carries.
UNSEEN_UPSCALERS = ("waifu2x-cunet", "real-cugan", "span")
FULL = dict(side=320, tiles=3, epochs=60, patience=5, batch=128, bootstrap=1000, limit=None)
TINY = FULL | dict(side=160, tiles=1, epochs=1, patience=1, batch=8, bootstrap=50, limit=1)


def retouch(source, target, key):
    """What happens to images on their way, whatever they show: nothing, JPEG or WEBP. The key decides, the same for a
    real image and what was made from it, so that it says nothing about the label."""
    if target.exists():
        return
    image, chance = Image.open(source).convert("RGB"), pictures.generator(SEED, "retouch", key)
    codec = chance.choice((None, "JPEG", "WEBP"))
    if codec:
        memory = io.BytesIO()
        image.save(memory, codec, quality=chance.randint(55, 97))
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
            row | {"typ": "real" if row["typ"] == "real" else row["source"]} for row in tested])
        calibration = self.path(f"{name}-calibration")
        for row in trained:
            if row["split"] == "val" and row["typ"] == "real" and row["source"].startswith(("photo", "night", "pano")):
                lists.share(self.path(row["filename"]), calibration / pathlib.Path(row["filename"]).name)

    # Models

    def train(self, name):
        data = self.path(f"{name}.csv")
        self.train_backbone(data, f"{name}-base", self.options.start, "--webp-share", "0.3", seed=SEED)
        self.train_head(data, f"{name}-head", f"{name}-base", "positive", seed=SEED)
        self.stages.tool("calibrate", "--false-positive-rate", "0.01", "--model", self.model(f"{name}-head"),
                         "--name", name, "--output", self.model(name), "--precision", "fp32",
                         self.path(f"{name}-calibration"))

    def test(self, name):
        self.measure("evaluate", name, [self.options.rival, self.model(name)], "--data",
                     self.path(f"{name}-test.csv"), seed=SEED)

    def test_whole(self, name, fold):
        """The manifest's images themselves, as the daemon would score them."""
        lists.link(self.options.data.resolve(), self.path("whole"))
        rows = [row for label in ("real", "fake") for row in self.images(label) if self.fold(row) == fold]
        listed = self.path(f"{name}-whole.csv")
        lists.write(listed, [{"filename": pathlib.Path("whole", row["path"]), "typ": row["family"] or "real",
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
        training = {key: scale[key] for key in ("epochs", "patience", "batch")} | {"start": digest(self.options.start)}
        rival = digest(self.options.rival)
        for fold in range(FOLDS):
            name = f"fold-{fold}"
            run(f"divide-{name}", lambda fold=fold: self.divide(fold), ["assemble"])
            run(f"train-{name}", lambda name=name: self.train(name), [f"divide-{name}"], **training)
            run(f"test-{name}", lambda name=name: self.test(name), [f"train-{name}"], rival=rival)
            run(f"test-{name}-whole", lambda name=name, fold=fold: self.test_whole(name, fold), [f"train-{name}"],
                rival=rival)
        run("divide-final", lambda: self.divide(None), ["assemble"])
        run("train-final", lambda: self.train("final"), ["divide-final"], **training)
        shutil.copyfile(self.model("final"), self.path("staypos-lite0-v1.safetensors"))
        print(f"the model is {self.path('staypos-lite0-v1.safetensors')}; results by fold: {self.path('results')}")


if __name__ == "__main__":
    given = parse(__doc__, ".build/model")
    main(lambda: ModelRecipe(given, TINY if given.tiny else FULL).run())
