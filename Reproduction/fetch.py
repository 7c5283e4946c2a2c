#!/usr/bin/env python3
"""Assemble the images that the manifests list, and check each one's SHA-256.

Debian's packages are downloaded with apt-get (Debian 12), public repositories with git, of which only the files in
question are transferred. What is there already is kept, so that an interrupted run goes on when it is called again.
Exit status: 0 if every image is there and right, 1 if not, 64 if the command line is wrong.
"""

import argparse
import csv
import fnmatch
import hashlib
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PUBLIC_REPOSITORIES = "https://github.com"


class Unavailable(Exception):
    """A source cannot be had; the message says why."""


def read_manifest(path):
    """The rows, each a dictionary; refuses paths that lead out of the data directory."""
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        path_inside = pathlib.PurePosixPath(row["path"])
        parts = path_inside.parts
        if not parts or ".." in parts or path_inside.is_absolute() or not re.fullmatch("[0-9a-f]{64}", row["sha256"]):
            raise SystemExit(f"{path}: not a safe row: {row['path']}")
    return rows


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def is_right(path, row):
    return path.is_file() and path.stat().st_size == int(row["bytes"]) and sha256(path) == row["sha256"]


def place(stream, target, row):
    """Writes a stream under its final name if its SHA-256 is that of the manifest."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".part-", delete=False) as part:
        try:
            while block := stream.read(1 << 20):
                digest.update(block)
                part.write(block)
            if digest.hexdigest() != row["sha256"]:
                raise Unavailable(f"SHA-256 is {digest.hexdigest()}, not {row['sha256']}")
            part.flush()
            os.chmod(part.name, 0o644)
            os.replace(part.name, target)
        except BaseException:
            os.unlink(part.name)
            raise


def run(arguments, **options):
    try:
        return subprocess.run(arguments, check=True, capture_output=True, **options).stdout
    except FileNotFoundError as error:
        raise Unavailable(f"{arguments[0]} is not installed") from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {error.returncode}"]
        said = next((line for line in lines if line.startswith(("fatal:", "error:", "E:"))), lines[-1])
        raise Unavailable(f"{arguments[0]}: {said}") from error


def debian_package(name, version, cache):
    """The path of the package's file. The version of the manifest, or, if Debian has replaced it, today's."""
    folder = cache / "debian"
    folder.mkdir(parents=True, exist_ok=True)
    pattern = f"{name}_*.deb"
    if not (found := sorted(folder.glob(pattern))):
        try:
            run(["apt-get", "download", f"{name}={version}"], cwd=folder)
        except Unavailable:
            run(["apt-get", "download", name], cwd=folder)
        found = sorted(folder.glob(pattern))
    if not found:
        raise Unavailable(f"apt-get brought no {pattern}")
    return found[-1]


def from_debian(source, rows, options):
    """Yields (row, reason) for what failed."""
    name, _, version = source.partition("=")
    package = debian_package(name, version, options.cache)
    wanted = {row["inside"]: row for row in rows}
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            for member in archive:
                row = wanted.get(member.name.removeprefix("./"))
                if row is None or not member.isfile():
                    continue
                del wanted[row["inside"]]
                try:
                    place(archive.extractfile(member), options.directory / row["path"], row)
                except Unavailable as error:
                    yield row, str(error)
    for row in wanted.values():
        yield row, f"not in {package.name}"


def repository(name, commit, options):
    """A git directory that has the commit, and has or can get the files in it."""
    if options.repositories and (local := options.repositories / f"{name}.git").is_dir():
        return local
    clone = options.cache / "repositories" / f"{name}.git"
    git = ["git", "-C", clone]
    if not (clone / "HEAD").exists():
        clone.mkdir(parents=True, exist_ok=True)
        run(["git", "init", "--quiet", "--bare", clone])
        run([*git, "config", "remote.origin.promisor", "true"])
        run([*git, "config", "remote.origin.partialclonefilter", "blob:none"])
    run([*git, "config", "remote.origin.url", f"{PUBLIC_REPOSITORIES}/{name}"])
    # Asks the clone alone: a partial one would fetch what it lacks.
    known = run([*git, "rev-list", "--all", "--missing=print", "--no-walk"]) if (clone / "shallow").exists() else b""
    if commit.encode() not in known:
        run([*git, "fetch", "--quiet", "--depth", "1", "--filter=blob:none", "origin", f"{commit}:refs/heads/{commit}"])
    return clone


def from_repository(source, rows, options):
    """Yields (row, reason) for what failed."""
    name, _, commit = source.partition("@")
    clone = repository(name, commit, options)
    options.cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=options.cache) as scratch:
        tree = pathlib.Path(scratch) / "tree"
        tree.mkdir()
        names = "\0".join(row["inside"] for row in rows).encode()
        environment = {**os.environ, "GIT_LITERAL_PATHSPECS": "1", "GIT_INDEX_FILE": f"{scratch}/index"}
        command = ["git", "-C", clone, f"--work-tree={tree}", "checkout", "--quiet", commit]
        failure = None
        try:
            run([*command, "--pathspec-from-file=-", "--pathspec-file-nul"], input=names, env=environment)
        except Unavailable as error:
            failure = str(error)
        for row in rows:
            try:
                with open(tree / row["inside"], "rb") as file:
                    place(file, options.directory / row["path"], row)
            except FileNotFoundError:
                yield row, failure or f"not in {name} at {commit}"
            except Unavailable as error:
                yield row, str(error)


FETCHERS = {"debian": from_debian, "github": from_repository}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=pathlib.Path, action="append",
                        help="instead of manifest.csv and manifest-model.csv; may be given several times")
    parser.add_argument("--directory", type=pathlib.Path, default=pathlib.Path(".build/reproduction/data"))
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path(".build/reproduction/cache"),
                        help="where packages and repositories are kept; may be deleted afterwards")
    parser.add_argument("--repositories", type=pathlib.Path,
                        help="a directory with clones (OWNER/NAME.git) to read instead of the public ones")
    parser.add_argument("--source", action="append", default=[], metavar="PATTERN",
                        help="only sources like this, for example 'debian:*'; may be given several times")
    parser.add_argument("--kind", action="append", default=[], metavar="PATTERN", help="only kinds like this")
    parser.add_argument("--check", action="store_true", help="fetch nothing, only check what is there")
    options = parser.parse_args()
    options.directory, options.cache = options.directory.resolve(), options.cache.resolve()
    options.repositories = options.repositories.resolve() if options.repositories else None

    def chosen(row):
        pairs = ((options.source, row["source"]), (options.kind, row["kind"]))
        return all(not patterns or any(fnmatch.fnmatch(text, pattern) for pattern in patterns)
                   for patterns, text in pairs)

    manifests = options.manifest or [HERE / "manifest.csv", HERE / "manifest-model.csv"]
    # A grid has a row for each of its tiles.
    files = {row["path"]: row for manifest in manifests for row in filter(chosen, read_manifest(manifest))}
    sources = {}
    for row in files.values():
        sources.setdefault(row["source"], []).append(row)
    if not sources:
        parser.exit(64, "no image of the manifest is chosen\n")
    # A repository that is gone is an error, not a question.
    os.environ["GIT_TERMINAL_PROMPT"] = "0"
    failures, count = [], 0
    for number, (source, rows) in enumerate(sorted(sources.items()), 1):
        count += len(rows)
        missing = [row for row in rows if not is_right(options.directory / row["path"], row)]
        lost = [(row, "missing or damaged") for row in missing]
        if missing and not options.check:
            system, _, rest = source.partition(":")
            print(f"[{number}/{len(sources)}] {source}: {len(missing)} images", file=sys.stderr, flush=True)
            try:
                lost = list(FETCHERS[system](rest, missing, options))
            except (Unavailable, OSError, tarfile.TarError) as error:
                lost = [(row, str(error)) for row in missing if not is_right(options.directory / row["path"], row)]
        failures += lost
    for row, reason in failures:
        print(f"{row['path']} ({row['source']}): {reason}", file=sys.stderr)
    print(f"{count - len(failures)} of {count} images are there and right, in {options.directory}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
