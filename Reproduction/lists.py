"""Lists in CSV, as staypos reads them: file names below the list's directory, labels, sources and parts."""

import csv
import errno
import os
import pathlib
import shutil

COLUMNS = ("filename", "typ", "source", "group", "split")


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path, rows, columns=COLUMNS):
    """Rows: dictionaries with `filename` and `typ` at least; replaces the list when it is complete."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with open(part, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(part, path)


def share(target, path):
    """A second name of the same file, for commands that pass over symbolic links; a copy on another filesystem."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return
    try:
        os.link(target, path)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = path.with_name(f"{path.name}.part")
        shutil.copyfile(target, part)
        os.replace(part, path)


def link(target, path):
    """A relative symbolic link, replaced if it leads elsewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = os.path.relpath(target, path.parent)
    if path.is_symlink() and os.readlink(path) != text:
        path.unlink()
    if not path.is_symlink():
        path.symlink_to(text)
