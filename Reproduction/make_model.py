#!/usr/bin/env python3
"""The default model: trained and validated by whole sources left out, as docs/reproduction/model.md says.

Interrupted, it goes on where it was when it is called again. Everything lies below --work.
"""

import io
import json
import pathlib

from PIL import Image

import experiment
import lists
import model_report
import pictures
import sections
import verdicts
from experiment import AUTOENCODER, HERE, Experiment, digest, family, parse
from stages import StageFailed, main

# Of the generators that manifest-model.csv adds, before those of the reproduction.
FAMILIES = (
    ("GAN", ("StyleGAN*", "BigGAN", "MSG-GAN", "Progressive GAN", "Lightweight GAN")),
    ("Stable Cascade", ("Stable Cascade", "Wuerstchen")),
    ("Stable Diffusion 1 and 2", ("Stable Diffusion 2", "Stable unCLIP", "*(Stable Diffusion 1)")),
    ("Stable Diffusion, version not stated", ("Stable Diffusion (*", "ELLA (Stable Diffusion)")),
    ("SDXL", ("SDXL*", "*(SDXL)")),
    ("FLUX", ("*(FLUX.1)",)),
    *experiment.FAMILIES,
)
FOLDS = 4
SEED = 1
NAME, LICENCE = "staypos-lite0-v1", "Apache-2.0"
# Of the photos that say where a threshold lies: on other sources there are more. A third of what is asked for.
FALSE_POSITIVE_RATE = 0.003
# Of the generated squares that no JPEG was before, so many go through one as the photos did.
HISTORY_SHARE = 0.75
# Latent noise of the reconstructions, as a share of the latents' standard deviation.
NOISES = (0.0, 0.1, 0.25)
TRAINED_UPSCALERS = ("waifu2x-photo", "real-esrgan-compact", "real-cugan-pro")
# Never trained on: what they show is how far training on others carries.
UNSEEN_UPSCALERS = ("waifu2x-cunet", "real-cugan", "span")
# Shorter sides of whole pictures, in pixels, that are tested besides.
THUMBNAILS = (128, 256)
FULL = dict(side=320, tiles=2, crop=288, epochs=3, patience=3, batch=20, bootstrap=1000, limit=None)
TINY = FULL | dict(side=160, tiles=1, crop=96, epochs=1, patience=1, batch=8, bootstrap=50, limit=1)
# Of `train backbone`.
RECIPE = ("--augmentation", "light", "--webp-share", "0.3", "--learning-rate", "1e-4", "--average-decay", "0.995")


def compression(key):
    """What happens to an image on its way: (None, JPEG or WEBP; quality)."""
    chance = pictures.generator(SEED, "retouch", key)
    return chance.choice((None, "JPEG", "WEBP")), chance.randint(55, 97)


def borrowed_history(key, photos):
    """What a generated image that was no JPEG goes through: as one of the photos of its part did, or nothing."""
    chance = pictures.generator(SEED, "history", key)
    return chance.choice(photos) if photos and chance.random() < HISTORY_SHARE else None


def rate_for(images):
    """The share of so many images that the threshold may flag: one of them at least. The threshold then lies between
    two scores that were seen; above all of them, nothing says how far."""
    return min(0.5, max(FALSE_POSITIVE_RATE, 1.5 / max(1, images)))


def retouch(source, target, key, history=None):
    """Compresses an image, whatever it shows. The key decides how, the same for a real image and what was made from it,
    so that it says nothing about the label. Before that, as a JPEG of the given history was."""
    if target.exists():
        return
    image = Image.open(source).convert("RGB")
    if history:
        image = pictures.repeat_history(image, history)
    pictures.save(compressed(image, key), target)


def compressed(image, key):
    """As it comes out of what `compression` says."""
    codec, quality = compression(key)
    if not codec:
        return image
    memory = io.BytesIO()
    image.save(memory, codec, quality=quality)
    return Image.open(memory).convert("RGB")


def thumbnail_path(side, row):
    return pathlib.Path("thumbnails", str(side), f"{row['path']}.png")


def thumbnail(source, target, side, key):
    """The whole picture with a shorter side of so many pixels. False if it is not larger than that."""
    if target.exists():
        return True
    image = Image.open(source).convert("RGB")
    scale = side / min(image.size)
    if scale >= 1:
        return False
    image = image.resize([max(side, round(length * scale)) for length in image.size], Image.LANCZOS)
    pictures.save(compressed(image, key), target)
    return True


def resample(source, target, key):
    """The negative control: halved and doubled like the super-resolution networks' images, by interpolation."""
    if target.exists():
        return
    image, chance = Image.open(source).convert("RGB"), pictures.generator(SEED, "resample", key)
    method = chance.choice((Image.BILINEAR, Image.BICUBIC, Image.LANCZOS))
    pictures.save(image.resize([side // 2 for side in image.size], Image.BICUBIC).resize(image.size, method), target)


class ModelRecipe(Experiment):
    # As the daemon and `staypos score` have it: the threshold is for their scores.
    precision = "auto"
    manifests = ("manifest.csv", "manifest-model.csv")

    def __init__(self, options, scale):
        super().__init__(options, scale)
        self.recipe = (*RECIPE, "--crop-size", str(scale["crop"]), "--precision", options.precision)
        self.folds = {row["source"]: int(row["fold"]) for row in lists.read(HERE / "folds.csv")}

    def fold(self, row):
        source = row["source"].split("@")[0]
        source = source.split("=")[0] if source.startswith("debian:") else source
        if source not in self.folds:
            raise StageFailed(f"folds.csv does not say where {source} belongs")
        return self.folds[source]

    # Data

    def cut(self):
        """Squares of all images, as they are and made smaller; what they are goes into squares.json."""
        squares = []
        for label in ("real", "fake"):
            for row in self.images(label):
                history = pictures.jpeg_history(self.options.data / row["path"])
                for path in pictures.tiles(row, self.options.data, self.path("squares", label), self.scale["side"],
                                           self.scale["tiles"], SEED):
                    squares.append(self.square(row, path) | {"history": history, "reduced": False})
                for path in pictures.reduced(row, self.options.data, self.path("reduced", label), self.scale["side"],
                                             SEED):
                    square = self.square(row, path)
                    if label == "real":
                        square["kind"] = verdicts.reduced(row["kind"])
                    # Nothing remains of a JPEG's blocks.
                    squares.append(square | {"history": None, "reduced": True})
        self.path("squares.json").write_text(json.dumps(squares))

    def square(self, row, path):
        return {"path": str(path.relative_to(self.path())), "label": row["label"],
                "kind": row["kind"] if row["label"] == "real" else row["family"],
                "source": pictures.source_name(row), "fold": self.fold(row), "format": row["format"]}

    def whole(self, label):
        """Rows of the manifests but those of tiles, whose grids nobody would upload."""
        return [row for row in self.images(label) if not row.get("tile")]

    def squares(self, label):
        return [square for square in json.loads(self.path("squares.json").read_text()) if square["label"] == label]

    def part(self, part, parts):
        """A part of the real squares as they are, whose names decide it: not every generator gets all of them."""
        return [pathlib.Path(square["path"]) for square in self.squares("real")
                if not square["reduced"] and pictures.generator(SEED, parts, square["path"]).randrange(parts) == part]

    def reconstruct(self, noise):
        originals = self.path("originals", f"{noise}")
        for path in self.part(NOISES.index(noise), 2 * len(NOISES)):
            lists.share(self.path(path), originals / path.parent.name / path.name)
        self.align(originals, self.path("reconstructed", f"{noise}"), "--latent-noise", noise, "--seed", SEED)

    def upscale_all(self):
        networks = TRAINED_UPSCALERS + UNSEEN_UPSCALERS
        for part, network in enumerate(networks):
            paths = [self.path(path) for path in self.part(part, 4 * len(networks))]
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
        rows, seen, reals = [], set(), self.squares("real")
        photos = [[square["history"] for square in reals if square["fold"] == fold and not square["reduced"]
                   and verdicts.is_photo(square["kind"])] for fold in range(FOLDS)]
        for square in reals + self.squares("fake"):
            name = pathlib.Path(square["path"]).name
            # A JPEG has left its traces in a square of it already.
            own, made = None, square["history"]
            if square["label"] == "fake" and square["format"] != "JPEG" and not square["reduced"]:
                own = borrowed_history(pictures.picture_name(name), photos[square["fold"]])
            files = [(square["kind"], square["label"], self.path(square["path"]), own)]
            if square["label"] == "real" and not square["reduced"]:
                files += [(*found, made) for found in self.made_from(square)]
            for kind, label, path, history in files:
                target = pathlib.Path("images", label, kind.replace(" ", "_").replace(",", ""), name)
                if target not in seen:
                    seen.add(target)
                    retouch(path, self.path(target), name, history)
                    rows.append({"filename": target, "typ": label, "source": kind, "group": square["source"],
                                 "split": square["fold"]})
        lists.write(self.path("images.csv"), rows)

    def divide(self, fold):
        """Lists of a fold: it is the test set, the one before it validates and calibrates. None: all but one train."""
        # The first part, with most photos of cameras and phones, gets its threshold from the last one, which has some.
        test, validation = fold, 0 if fold is None else (fold - 1) % FOLDS
        name = "final" if fold is None else f"fold-{fold}"
        rows = lists.read(self.path("images.csv"))
        for row in rows:
            place = int(row["split"])
            row["split"] = "test" if place == test else "val" if place == validation else "train"
            row["group"] = ""
        trained = [row for row in rows if row["split"] != "test" and row["source"] not in UNSEEN_UPSCALERS]
        lists.write(self.path(f"{name}.csv"), trained)
        tested = [row for row in rows if row["split"] == "test"]
        lists.write(self.path(f"{name}-test.csv"), [
            row if row["typ"] == "real" else self.generated(row, self.test_family(row)) for row in tested])
        for path, place in self.calibration(trained, validation):
            lists.share(path, self.path(f"{name}-calibration", place))

    def calibration(self, rows, fold):
        """(file, its place), of the validation part. What says where a threshold lies: photos, by night too, in
        squares, with the controls that were made of them, and whole. What says, with these, how probable a score makes
        it that a picture is generated: all generated squares."""
        kinds = ("photo", "night", "panorama")
        squares = [(row, pathlib.Path(row["filename"]).name) for row in rows if row["split"] == "val"]
        photos = {name for row, name in squares if row["typ"] == "real" and row["source"].startswith(kinds)}
        for row, name in squares:
            if row["typ"] == "fake":
                yield self.path(row["filename"]), pathlib.Path("generated", row["source"], name)
            elif name in photos and row["source"].startswith((*kinds, verdicts.NEGATIVE_CONTROL)):
                yield self.path(row["filename"]), pathlib.Path("real", row["source"], name)
        for row in self.whole("real"):
            if self.fold(row) == fold and row["kind"].startswith(kinds):
                yield self.options.data / row["path"], pathlib.Path("real", "whole", row["path"])

    @staticmethod
    def generated(row, name):
        """A row of a test's list. Of `source` and `typ`, evaluation takes the former for the generator's name."""
        return row | {"typ": name, "source": ""}

    @staticmethod
    def test_family(row):
        """What was made here stays by itself, generators with few images are one. A name that began with `real-` would
        be a kind of real images."""
        if row["source"] in TRAINED_UPSCALERS + UNSEEN_UPSCALERS:
            return f"super-resolution, {row['source']}"
        return row["source"] if row["source"].startswith("reconstruction") else family(row["source"], FAMILIES)

    # Models

    def train(self, name):
        data = self.path(f"{name}.csv")
        self.train_backbone(data, f"{name}-base", self.options.start, *self.recipe, seed=SEED)
        self.train_head(data, f"{name}-head", f"{name}-base", "positive", seed=SEED)
        reals, generated = (self.path(f"{name}-calibration", label) for label in ("real", "generated"))
        images = sum(path.is_file() for path in reals.rglob("*"))
        # The head's training has computed the squares' features, in the same arithmetic.
        self.stages.tool("calibrate", "--false-positive-rate", rate_for(images), "--model",
                         self.model(f"{name}-head"), "--name", NAME if name == "final" else name, "--output",
                         self.model(name), "--precision", self.precision, "--cache", self.features(f"{name}-base"),
                         "--generated", generated, "--temperature", "--threads", self.stages.threads, reals)

    def test(self, name):
        self.measure("evaluate", name, [self.options.rival, self.model(name)], "--data",
                     self.path(f"{name}-test.csv"), seed=SEED)
        # Again without what was made here: what others published is what a user meets.
        published = self.path("results", f"{name}-published.csv")
        rows = lists.read(self.path("results", name, "scores.csv"))
        lists.write(published, [row for row in rows if not self.is_made_here(row["typ"])], list(rows[0]))
        self.stages.tool("evaluate", "--scores", published, "--bootstrap", self.scale["bootstrap"], "--seed", SEED,
                         "--output", self.path("results", f"{name}-published"))

    @staticmethod
    def is_made_here(name):
        """Of a family as test_family() calls it."""
        return name.startswith(("super-resolution", "reconstruction"))

    def test_whole(self, name, fold):
        """The manifests' images themselves, as the daemon would score them."""
        lists.link(self.options.data.resolve(), self.path("whole"))
        self.test_pictures(name, "whole", ((pathlib.Path("whole", row["path"]), row) for row in self.pictures(fold)))

    def test_thumbnails(self, name, fold):
        """The same pictures made very small."""
        found = []
        for row in self.pictures(fold):
            for side in THUMBNAILS:
                path = thumbnail_path(side, row)
                if thumbnail(self.options.data / row["path"], self.path(path), side, str(path)):
                    found.append((path, row))
        self.test_pictures(name, "thumbnails", found)

    def pictures(self, fold):
        return [row for label in ("real", "fake") for row in self.whole(label) if self.fold(row) == fold]

    def test_pictures(self, name, what, images):
        """images: (file, its row of a manifest)."""
        rows = []
        for path, row in images:
            image = {"filename": path, "typ": "real", "source": row["kind"], "split": "test"}
            rows.append(image if row["label"] == "real" else self.generated(image, family(row["family"], FAMILIES)))
        listed = self.path(f"{name}-{what}.csv")
        lists.write(listed, rows)
        self.measure("evaluate", f"{name}-{what}", [self.options.rival, self.model(name)], "--data", listed, seed=SEED)

    def run(self):
        run, scale = self.stages.run, self.scale
        run("fetch", lambda: self.fetch(()), manifest=self.manifest_digest)
        run("cut", self.cut, ["fetch"], side=scale["side"], tiles=scale["tiles"], limit=scale["limit"],
            folds=self.folds, seed=SEED)
        for noise in NOISES:
            run(f"reconstruct-{noise}", lambda noise=noise: self.reconstruct(noise), ["cut"], **AUTOENCODER)
        run("upscale", self.upscale_all, ["cut"], networks=TRAINED_UPSCALERS + UNSEEN_UPSCALERS)
        run("assemble", self.assemble, ["upscale", *(f"reconstruct-{noise}" for noise in NOISES)])
        run("stats", lambda: self.stats(self.path("images.csv"), self.path("stats.json")), ["assemble"])
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
            run(f"test-{name}-thumbnails", lambda name=name, fold=fold: self.test_thumbnails(name, fold),
                [f"train-{name}"], rival=rival, sides=THUMBNAILS)
        run("divide-final", lambda: self.divide(None), ["assemble"])
        run("train-final", lambda: self.train("final"), ["divide-final"], **training)
        self.finish()

    # Report

    def parts(self):
        """What the models say about the squares, the whole images and the thumbnails of each part."""
        rows = lists.read(self.path("images.csv"))
        formats = {pictures.row_name(row): row["format"] for row in self.manifest}
        images = {}
        for row in rows:
            picture = pictures.picture_name(row["filename"])
            images[row["filename"]] = (row["source"], row["typ"], picture, formats[picture])
        whole = {str(pathlib.Path("whole", row["path"])):
                 (row["family"] or row["kind"], row["label"], row["path"], row["format"]) for row in self.manifest}
        small = {str(thumbnail_path(side, row)): whole[str(pathlib.Path("whole", row["path"]))]
                 for row in self.manifest for side in THUMBNAILS}
        codec = model_report.codec_of_square(lambda name: compression(name)[0])
        found = {}
        for name in (f"fold-{fold}" for fold in range(FOLDS)):
            folder = self.path("results", name)
            found[name] = verdicts.Part(
                list(verdicts.read(folder, images, codec)),
                list(verdicts.read(self.path("results", f"{name}-whole"), whole, lambda _: "")),
                list(verdicts.read(self.path("results", f"{name}-thumbnails"), small,
                                   lambda path: pathlib.PurePath(path).parts[1])),
                verdicts.model_thresholds(folder))
        return found

    def data(self):
        """How many squares there are, by part."""
        rows, parts = lists.read(self.path("images.csv")), []
        for fold in range(FOLDS):
            part = [row for row in rows if row["split"] == str(fold)]
            photos = [row for row in part if row["typ"] == "real" and verdicts.is_photo(row["source"])]
            made = [row for row in part if row["typ"] == "fake"]
            parts.append([f"fold-{fold}", len(photos), len({pictures.picture_name(row["filename"]) for row in photos}),
                          len(part) - len(made) - len(photos), len(made), len({row["group"] for row in part})])
        stats = json.loads(self.path("stats.json").read_text(encoding="utf-8"))
        telling = [f"{found['name']} ({100 * found['accuracy']:.1f} %; generated if {found['fakeIf']})"
                   for found in stats["properties"] if found["suspicious"]]
        return "### Squares\n\n" + sections.table(
            ["part", "photos", "of so many pictures", "other real", "generated", "sources"], parts) + (
            f"\nWhat tells the classes apart by `staypos dataset stats`: {'; '.join(telling) or 'nothing'}.\n")

    def finish(self):
        """Writes the card into the model, and the report into the protocol."""
        rival = pathlib.Path(self.options.rival).resolve().stem
        judged = model_report.ModelReport(self.path("results"), self.parts(), (rival, NAME))
        rows = lists.read(self.path("final.csv"))
        squares = {typ: sum(row["typ"] == typ and row["split"] == "train" for row in rows) for typ in ("real", "fake")}
        target = self.path(f"{NAME}.safetensors")
        card = judged.card(
            f"On {squares['real']} real and {squares['fake']} generated squares of {self.scale['side']} pixels: "
            f"{self.scale['epochs']} epochs at most, batches of {self.scale['batch']}, {' '.join(self.recipe)}; the "
            "rest of the options of staypos train backbone as they are; then staypos train head --variant positive, "
            "its logits divided by the temperature that fits an unseen part best. "
            "The threshold is the higher of two: what flags "
            f"{100 * FALSE_POSITIVE_RATE:g} % of the photos, in squares and whole, of a part that was not trained on, "
            f"and what flags {100 * verdicts.CAUTION:g} % of what the tests allow of each sort of real images, scored "
            "by models of this recipe that had not seen them.",
            LICENCE, f"Reproduction/{' and '.join(self.manifests)}, SHA-256 of both together {self.manifest_digest}: "
            "photos, screenshots, paintings, drawings and renders of Debian packages and public repositories under "
            "free licences, generated images of public repositories, reconstructions by the autoencoder TAEF2, "
            "super-resolution; what super-resolution was made of also resampled, as real ones.")
        self.path("card.json").write_text(json.dumps(card, ensure_ascii=False), encoding="utf-8")
        with open(self.stages.logs / "card.log", "a", encoding="utf-8") as self.stages.log:
            own = json.loads(self.stages.tool("model", "info", "--json", self.model("final")))["threshold"]
            self.stages.tool("model", "card", self.model("final"), "--card", self.path("card.json"), "--threshold",
                             judged.final_threshold(own), "--output", target)
            found = json.loads(self.stages.tool("model", "info", "--json", target))
        cost = model_report.multiply_adds(found["architecture"])
        document = self.documents() / "model.md"
        sections.replace(document, "results",
                         judged.text(target.stat().st_size, cost, self.stages.seconds(),
                                     self.stages.provenance() + "\n" + self.data()))
        print(f"the model is {target}; the report is in {document}")


if __name__ == "__main__":
    given = parse(__doc__, ".build/model")
    main(lambda: ModelRecipe(given, TINY if given.tiny else FULL).run())
