"""Results inside of documents that people write: what stands between two comments is replaced, and nothing else."""

import os
import pathlib


class NoSection(Exception):
    """The document has no such place."""


def replace(path, name, text):
    """Replaces what stands between the comments `name: begin` and `name: end`."""
    path = pathlib.Path(path)
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    document = path.read_text(encoding="utf-8")
    before, found, rest = document.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise NoSection(f"{path}: has no section between {begin} and {end}")
    part = path.with_name(f".{path.name}.part")
    part.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", encoding="utf-8")
    os.replace(part, path)


def table(header, rows):
    """Markdown; the cells are text."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)
