"""What the benchmarks share: the machine they ran on, and the section of a file that they write."""

import platform


def processor():
    with open("/proc/cpuinfo") as information:
        for line in information:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def replace_section(path, name, lines):
    """Replaces what stands between the comments `name: begin` and `name: end`."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    with open(path) as file:
        text = file.read()
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    with open(path, "w") as file:
        file.write(before + begin + "\n" + "\n".join(lines) + "\n" + end + after)
