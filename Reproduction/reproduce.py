#!/usr/bin/env python3
"""The Stay-Positive paper's findings at a small scale: the protocol of docs/reproduction/README.md, stage by stage.

Interrupted, it goes on where it was when it is called again. Everything lies below --work; nothing is trained on, or
chosen by, the test set.
"""

import pathlib

import lists
import pictures
import report
import sections
from experiment import AUTOENCODER, FAMILIES, KIN, Experiment, best_accuracy, digest, family, parse
from stages import main

REAL_KINDS = ("photo", "photo-*", "panorama")
UPSCALERS = ("waifu2x-photo", "real-cugan", "span")
SHARES = (5, 10, 25, 50)
FULL = dict(side=320, debian_tiles=4, other_tiles=2, fake_tiles=2, epochs=60, patience=5, batch=128, bootstrap=1000,
            upscaled=60, inpainted=200, limit=None, webp=(100, 90, 80, 70, 60, 50, 40, 30),
            downsize=(1, 0.8, 0.65, 0.5, 0.35, 0.25))
# Runs through in minutes and shows nothing but that.
TINY = FULL | dict(side=160, debian_tiles=1, other_tiles=1, fake_tiles=1, epochs=2, patience=1, batch=8, bootstrap=50,
                   upscaled=2, inpainted=4, limit=2, webp=(100, 30), downsize=(1, 0.5))
SEED = 1
# Of `positive-official`.
HEAD_RATE = "1e-3"
MODELS = ("base", "clamped", "clamped-retrained", "positive", "positive-official")
# Of their trainings a balanced accuracy is known.
BACKBONES = ("base", "clamped-retrained", "positive-official")


class Reproduction(Experiment):
    def __init__(self, options, scale):
        super().__init__(options, scale)
        self.reals, self.fakes = self.images("real", REAL_KINDS), self.images("fake")

    # Data

    def cut(self):
        side = self.scale["side"]
        for row in self.reals:
            count = self.scale["debian_tiles" if row["source"].startswith("debian:") else "other_tiles"]
            pictures.tiles(row, self.options.data, self.path("tiles/real"), side, count, SEED)
        made = []
        for row in self.fakes:
            for path in pictures.tiles(row, self.options.data, self.path("tiles/fake"), side,
                                       self.scale["fake_tiles"], SEED):
                made.append({"filename": path.relative_to(self.path()), "typ": family(row["family"]),
                             "source": family(row["family"]), "split": "test"})
        lists.write(self.path("generated.csv"), made)

    def split(self):
        self.stages.tool("dataset", "split", self.path("aligned"), "--output", self.path("aligned/list.csv"),
                         "--shares", "0.55", "0.15", "0.3", "--seed", SEED)

    def compress_reals(self):
        """The spurious difference: every real tile went through WEBP once, and no reconstruction did."""
        rows = lists.read(self.path("aligned/list.csv"))
        for row in rows:
            if row["typ"] == "real":
                pictures.webp(self.path("aligned", row["filename"]), self.path("spurious", row["filename"]), (40, 80),
                              SEED)
        lists.link(self.path("aligned/1_fake"), self.path("spurious/1_fake"))
        lists.write(self.path("spurious/list.csv"), rows)
        lists.write(self.path("spurious/test.csv"), [
            row | ({"typ": "reconstruction", "source": "reconstruction"} if row["typ"] == "fake" else {})
            for row in rows if row["split"] == "test"])
        # Here a property is meant to tell the classes apart.
        self.stats(self.path("spurious/list.csv"), self.path("spurious/stats.json"))

    def test_tiles(self, label):
        return [row for row in lists.read(self.path("aligned/list.csv"))
                if row["typ"] == label and row["split"] == "test"]

    def upscale_reals(self):
        generated, reals = lists.read(self.path("generated.csv")), self.test_tiles("real")
        rows = [row for row in generated if row["typ"] != KIN]
        chosen = pictures.generator(SEED, "upscale").sample(reals, min(len(reals), self.scale["upscaled"]))
        paths = [self.path("aligned", row["filename"]) for row in chosen]
        for network in UPSCALERS:
            rows += [{"filename": path.relative_to(self.path()), "typ": "super-resolution",
                      "source": "super-resolution", "split": "test"}
                     for path in self.upscale(network, paths, self.path("upscaled", network))]
        untouched = [{"filename": pathlib.Path("aligned", row["filename"]), "typ": "real", "source": row["source"],
                      "split": "test"} for row in reals]
        lists.write(self.path("unseen.csv"), rows + untouched)
        lists.write(self.path("kin.csv"), [row for row in generated if row["typ"] == KIN] + untouched)

    def inpaint(self):
        fakes = self.test_tiles("fake")
        chosen = pictures.generator(SEED, "inpaint").sample(fakes, min(len(fakes), self.scale["inpainted"]))
        for row in chosen:
            below = self.path("spurious", row["filename"].replace("1_fake/", "0_real/", 1))
            for share in SHARES:
                name = pathlib.Path("1_fake", str(share), pathlib.Path(row["filename"]).name)
                pictures.inpaint(below, self.path("aligned", row["filename"]), self.path("inpainted/data", name),
                                 self.path("inpainted/masks", name), share / 100, SEED)
        for row in self.test_tiles("real"):
            lists.link(self.path("spurious", row["filename"]), self.path("inpainted/data", row["filename"]))

    # Models and tests

    def backbone(self, name, start, *flags, patience=None):
        self.train_backbone(self.path("spurious/list.csv"), name, start, *flags, seed=SEED, patience=patience)

    def clamped_backbone(self, name, start, *flags):
        """With a head that begins at zero and may not fall below, the bias has to fall before any image counts as
        real: at first the accuracy stands still, which is no reason to end."""
        self.backbone(name, start, "--clamp-head", *flags, patience=self.scale["epochs"])

    def head(self, variant):
        self.train_head(self.path("spurious/list.csv"), variant, "base", variant, seed=SEED)

    def test(self, command, name, *arguments):
        self.measure(command, name, map(self.model, MODELS), *arguments, seed=SEED)

    def compare(self, name, *models):
        """Differences to another model than the test's first: staypos takes that of the first column of a list."""
        rows = lists.read(self.path("results", name, "scores.csv"))
        output = self.path("results", f"{name}-{models[0]}")
        ordered = self.path("results", f"{name}-{models[0]}.csv")
        lists.write(ordered, rows, (*(column for column in rows[0] if column not in MODELS), *models))
        self.stages.tool("evaluate", "--scores", ordered, "--bootstrap", self.scale["bootstrap"], "--seed", SEED,
                         "--output", output)

    def test_kin(self):
        """Generators that use the reconstructions' own autoencoder; a tiny run may have none."""
        listed = self.path("kin.csv")
        if any(row["typ"] == KIN for row in lists.read(listed)):
            self.test("evaluate", "kin", "--data", listed)

    def sweep(self, sweep, name, *flags):
        values = ",".join(map(str, self.scale[sweep]))
        self.test("robustness", name, "--data", self.path("spurious/test.csv"), "--sweep", sweep, "--values",
                  values, *flags)

    def data(self):
        """How many images there were, for the report."""
        listed, unseen = lists.read(self.path("aligned/list.csv")), lists.read(self.path("unseen.csv"))
        kin = sum(row["typ"] == KIN for row in lists.read(self.path("generated.csv")))
        parts = []
        for name, split in (("training", "train"), ("validation", "val"), ("test", "test")):
            reals = [row for row in listed if row["split"] == split and row["typ"] == "real"]
            parts.append([name, str(len(reals)), str(len({pictures.picture_name(row["filename"]) for row in reals})),
                          str(len({row["source"] for row in reals}))])
        generated = sum(row["typ"] != "real" for row in unseen)
        upscaled = sum(row["typ"] == "super-resolution" for row in unseen)
        return (sections.table(["part", "pairs", "pictures", "sources"], parts)
                + f"\n{generated} images of unseen families, {generated - upscaled} of them by generators, the others "
                f"by super-resolution. {kin} images of generators with the {KIN}: apart from those.\n")

    def run(self):
        run, scale = self.stages.run, self.scale
        size = {key: scale[key] for key in ("side", "debian_tiles", "other_tiles", "fake_tiles", "limit")}
        training = {key: scale[key] for key in ("epochs", "patience", "batch")} | {"start": digest(self.options.start)}
        run("fetch", lambda: self.fetch((*REAL_KINDS, "generated")), manifest=self.manifest_digest)
        run("cut", self.cut, ["fetch"], **size, families=FAMILIES, seed=SEED)
        run("align", lambda: self.align(self.path("tiles/real"), self.path("aligned")), ["cut"], **AUTOENCODER)
        run("split", self.split, ["align"], seed=SEED)
        run("compress-reals", self.compress_reals, ["split"])
        run("upscale", self.upscale_reals, ["split"], networks=UPSCALERS, count=scale["upscaled"])
        run("inpaint", self.inpaint, ["compress-reals"], shares=SHARES, count=scale["inpainted"])
        run("base", lambda: self.backbone("base", self.options.start), ["compress-reals"], **training)
        clamped = training | {"patience": scale["epochs"]}
        run("clamped-retrained", lambda: self.clamped_backbone("clamped-retrained", self.options.start),
            ["compress-reals"], **clamped)
        run("clamped", lambda: self.head("clamped"), ["base"])
        run("positive", lambda: self.head("positive"), ["base"])
        run("positive-official", lambda: self.clamped_backbone("positive-official", self.model("base"), "--head-only",
                                                               "--learning-rate", HEAD_RATE), ["base"],
            rate=HEAD_RATE, **clamped)
        models, data = list(MODELS), self.path("spurious/test.csv")
        run("test-aligned", lambda: self.test("evaluate", "aligned", "--data", data), models)
        run("test-unseen", lambda: self.test("evaluate", "unseen", "--data", self.path("unseen.csv")),
            [*models, "upscale"])
        run("test-kin", self.test_kin, [*models, "upscale"])
        for name in ("aligned", "unseen"):
            run(f"compare-{name}", lambda name=name: self.compare(name, "positive", "clamped", "clamped-retrained"),
                [f"test-{name}"])
        run("test-webp", lambda: self.sweep("webp", "webp"), models, values=scale["webp"])
        run("test-webp-all", lambda: self.sweep("webp", "webp-all", "--on", "all"), models, values=scale["webp"])
        run("test-downsize", lambda: self.sweep("downsize", "downsize", "--on", "all"), models,
            values=scale["downsize"])
        edges = ",".join(str((low + high) / 2) for low, high in zip(SHARES, SHARES[1:]))
        run("test-inpainting",
            lambda: self.test("inpainting", "inpainting", "--data", self.path("inpainted/data"), "--masks",
                              self.path("inpainted/masks"), "--shares", edges), [*models, "inpaint"])
        documents = self.documents()
        report.write(self.path("results"), documents, MODELS, self.stages.seconds(),
                     self.stages.provenance() + "\n" + self.data(),
                     {name: best_accuracy(self.model(name)) for name in BACKBONES})
        print(f"the report is in {documents / 'README.md'}")


if __name__ == "__main__":
    given = parse(__doc__, ".build/reproduction/run")
    main(lambda: Reproduction(given, TINY if given.tiny else FULL).run())
