"""What the scripts for the reproduction and for the default model share: options, data, calls of staypos."""

import argparse
import fnmatch
import hashlib
import json
import pathlib
import shutil
import struct
import sys

import lists
from stages import StageFailed, Stages

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENTS = HERE.parent / "docs/reproduction"
# taef2_encoder.pth and taef2_decoder.pth of github:madebyollin/taesd (MIT).
AUTOENCODER = {
    "encoder": "10a4e1021e89d7551eaf161352da8dbd0b1aa83872ae28b150c1df1ce2f147b6",
    "decoder": "0a44a31e1ae59eb9dbf9359d24942fd3ef5928162c1800d97a28c61d51be0ab5",
}
# What uses the autoencoder whose small version (above) makes the reconstructions: it is less unseen than others. By the
# documentation of leejet/stable-diffusion.cpp.
KIN = "autoencoder of FLUX.2"
# Generators with few images each are one family.
FAMILIES = (
    (KIN, ("FLUX.2*", "ERNIE-Image", "Ideogram 4", "Lens", "SEFI")),
    ("Stable Diffusion 1 and 2", ("Stable Diffusion 1*", "LoRA*", "ControlNet*")),
    ("SDXL", ("SDXL", "InvokeAI*")),
    ("FLUX", ("FLUX*", "Chroma")),
    ("GPT-4o image", ("GPT-4o image",)),
    ("Gemini 2.5 Flash Image", ("Gemini*",)),
    ("Kolors and Kandinsky", ("Kolors", "Kandinsky*")),
    ("CLIP-guided", ("*and CLIP",)),
    ("others", ("*",)),
)


def is_like(text, patterns):
    return any(fnmatch.fnmatch(text, pattern) for pattern in patterns)


def family(generator, families=FAMILIES):
    return next(group for group, patterns in families if is_like(generator, patterns))


class Experiment:
    """Stages over the images of the manifest."""

    # Of features and scores.
    precision = "fp32"
    manifests = ("manifest.csv",)

    def __init__(self, options, scale):
        self.options, self.scale = options, scale
        self.stages = Stages(options.work, options.staypos, options.threads)
        self.path = self.stages.path
        self.manifest = [row for name in self.manifests for row in lists.read(HERE / name)]
        # Hours before it is needed.
        self.check_autoencoder()
        self.manifest_digest = hashlib.sha256(
            b"".join((HERE / name).read_bytes() for name in self.manifests)).hexdigest()

    def images(self, label, kinds=("*",)):
        """Rows of the manifest; in a tiny run the first of every source."""
        counts, kept = {}, []
        for row in self.manifest:
            if row["label"] == label and is_like(row["kind"], kinds):
                counts[row["source"]] = counts.get(row["source"], 0) + 1
                if self.scale["limit"] is None or counts[row["source"]] <= self.scale["limit"]:
                    kept.append(row)
        return kept

    def check_autoencoder(self):
        for half, expected in AUTOENCODER.items():
            path = getattr(self.options, half)
            found = digest(path)
            if found != expected:
                raise StageFailed(f"{path}: SHA-256 is {found}, and not that of taef2_{half}.pth, {expected}")

    def fetch(self, kinds):
        command = [sys.executable, HERE / "fetch.py", "--directory", self.options.data, "--cache", self.options.cache]
        for name in self.manifests:
            command += ["--manifest", HERE / name]
        if self.options.repositories:
            command += ["--repositories", self.options.repositories]
        for kind in kinds:
            command += ["--kind", kind]
        self.stages.command(*command)

    def documents(self):
        """Where the results are written: into the protocols, or, of a tiny run, into a copy of them."""
        if not self.options.tiny:
            return DOCUMENTS
        copy = self.path("documents")
        shutil.copytree(DOCUMENTS, copy, dirs_exist_ok=True)
        return copy

    def stats(self, listed, output):
        """What tells the classes apart beside the picture: the record of `dataset stats`."""
        # Exit status 1 is a property that does, or a list that cannot be read: then nothing is printed.
        printed = self.stages.tool("dataset", "stats", "--json", listed, succeeds=(0, 1))
        try:
            record = json.loads(printed)
        except ValueError as error:
            raise StageFailed(f"{listed} could not be examined: see {self.stages.log.name}") from error
        output.write_text(printed, encoding="utf-8")
        return record

    def align(self, reals, output, *flags):
        self.stages.tool("dataset", "align", reals, "--encoder", self.options.encoder, "--decoder",
                         self.options.decoder, "--output", output, *flags)

    def upscale(self, network, paths, folder):
        """The upscaled files, in the order of their names."""
        self.stages.command(self.options.python, HERE / "upscale.py", "--network", network, "--threads",
                            self.stages.threads, "--output", folder, *paths)
        return sorted(folder.glob("*.png"))

    def model(self, name):
        return self.path("models", f"{name}.safetensors")

    def train_backbone(self, data, name, start, *flags, seed, patience=None):
        self.path("models").mkdir(exist_ok=True)
        self.stages.tool(
            "train", "backbone", data, "--model", start, "--output", self.model(name), "--checkpoint",
            self.path("models", f"{name}.checkpoint"), "--plot", self.path("models", f"{name}.svg"), "--batch",
            self.scale["batch"], "--epochs", self.scale["epochs"], "--patience", patience or self.scale["patience"],
            "--seed", seed, "--threads", self.stages.threads, *flags)

    def train_head(self, data, name, start, variant, *, seed):
        self.stages.tool(
            "train", "head", data, "--model", self.model(start), "--output", self.model(name), "--variant", variant,
            "--optimizer", "adam", "--learning-rate", "1e-3", "--seed", seed, "--cache",
            self.features(start), "--precision", self.precision, "--threads", self.stages.threads)

    def features(self, name):
        """Where those of a network are kept."""
        return self.path("models", f"{name}.features")

    def measure(self, command, name, models, *arguments, seed):
        self.stages.tool(
            command, *arguments, *models, "--bootstrap", self.scale["bootstrap"], "--seed", seed, "--precision",
            self.precision, "--threads", self.stages.threads, "--output", self.path("results", name))


def best_accuracy(path):
    """The best balanced accuracy on the validation images in the training of a whole network, out of its card."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    card = json.loads(header["__metadata__"]["card"])
    return max(epoch["validationBalancedAccuracy"] for epoch in card["epochs"])


def digest(path):
    """SHA-256 of a file that the user has named."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise StageFailed(f"{path}: {error.strerror}") from error


def parse(description, work):
    """The options, the same for all scripts."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    path = pathlib.Path
    parser.add_argument("--encoder", type=path, required=True, help="taef2_encoder.pth of github:madebyollin/taesd")
    parser.add_argument("--decoder", type=path, required=True, help="taef2_decoder.pth of the same")
    parser.add_argument("--work", type=path, default=path(work))
    parser.add_argument("--data", type=path, default=path(".build/reproduction/data"))
    parser.add_argument("--cache", type=path, default=path(".build/reproduction/cache"))
    parser.add_argument("--repositories", type=path, help="clones to read instead of the public repositories")
    parser.add_argument("--staypos", type=path, default=path(".build/release/staypos"))
    parser.add_argument("--start", type=path, default=path("Models/staypos-lite0-v0.safetensors"),
                        help="a model with the network to begin with; its head does not matter")
    parser.add_argument("--rival", type=path, default=path("Models/staypos-lite0-v0.safetensors"),
                        help="make_model.py: the model to compare with")
    parser.add_argument("--precision", choices=("bf16", "fp32"), default="bf16",
                        help="make_model.py: of the training; bf16 needs a processor with AVX-512")
    parser.add_argument("--python", type=path, default=path(".build-upscalers/bin/python"),
                        help="an interpreter that has requirements.txt")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tiny", action="store_true", help="a few images, to see that it runs through")
    return parser.parse_args()
