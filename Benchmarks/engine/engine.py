"""staypos bench beside other engines. Started by run.sh; prints a table, draws a plot, and writes both into Benchmarks."""

import argparse
import collections
import datetime
import importlib.util
import json
import os
import resource
import statistics
import struct
import subprocess
import sys
import threading
import time
import zlib

from peers import ENGINES, image, read_safetensors
from report import processor, replace_section

PEERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers.py")
# PyTorch is Debian's.
INTERPRETERS = {"PyTorch fp32": "/usr/bin/python3"}


def write_png(pixels, path):
    height, width, _ = pixels.shape

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    with open(path, "wb") as file:
        file.write(
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def write_jpegs(options, size):
    """Paths of as many as there are to be: something between a photo and noise."""
    import numpy
    from PIL import Image

    width, height = map(int, size.split("x"))
    paths = []
    for number in range(options.files):
        random = numpy.random.default_rng(number)
        coarse = Image.fromarray(random.integers(0, 256, (height // 50 + 2, width // 50 + 2, 3), dtype=numpy.uint8))
        smooth = numpy.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=numpy.int16)
        pixels = numpy.clip(smooth + random.integers(-12, 13, (height, width, 1), dtype=numpy.int16), 0, 255)
        paths.append(os.path.join(options.work, f"picture-{size}-{number}.jpg"))
        Image.fromarray(pixels.astype(numpy.uint8)).save(paths[-1], quality=90)
    return paths


def available_memory():
    """Bytes, as the kernel reckons."""
    with open("/proc/meminfo") as information:
        for line in information:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024


class PeakMemory(threading.Thread):
    """Of another process, read again and again: what the kernel tells at its end holds that of its parent, too."""

    def __init__(self, process):
        super().__init__()
        self.path, self.bytes, self.is_over = f"/proc/{process}/status", 0, threading.Event()
        self.start()

    def run(self):
        while not self.is_over.wait(0.02):
            try:
                with open(self.path) as status:
                    for line in status:
                        if line.startswith("VmHWM:"):
                            self.bytes = int(line.split()[1]) * 1024
            except OSError:
                return


def child(arguments, memory=None):
    """The last thing that the process printed, with `processorSeconds` of all its threads from its start to its end and, if
    it does not tell its own, `medianSeconds` and `peakBytes`; None if it failed, as one does that wants more memory than
    there is.

    memory: bytes of address space that it may have.
    """
    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

    start = time.perf_counter()
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, preexec_fn=limit if memory else None)
    peak = PeakMemory(process.pid)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    peak.is_over.set()
    peak.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode == os.EX_UNAVAILABLE:
        sys.exit("an engine is not installed")
    # staypos score exits with 1 for a flagged image.
    if process.returncode not in (0, 1) or not output:
        print(f"{' '.join(arguments[:3])} ended with {process.returncode}", file=sys.stderr)
        return None
    records = [json.loads(line) for line in output.splitlines()]
    return {
        "medianSeconds": seconds, "peakBytes": peak.bytes, **records[-1],
        "logit": statistics.mean(record["logit"] for record in records),
        "processorSeconds": usage.ru_utime + usage.ru_stime}


def commands(options, model, graph, size):
    threads, repeat = str(options.threads), str(options.repeat)
    paths = write_jpegs(options, size) if options.files else []
    found = {}
    for precision in options.precision:
        common = ["--json", "--model", model, "--threads", threads, "--precision", precision]
        if paths:
            found[f"staypos {precision}"] = [options.staypos, "score", *common, *paths]
        else:
            found[f"staypos {precision}"] = [
                options.staypos, "bench", *common, "--size", size, "--repeat", repeat, "--attainable"]
    for engine in options.peer:
        found[engine] = [
            INTERPRETERS.get(engine, sys.executable), PEERS, engine, model, graph, size, threads, *(paths or [repeat])]
    return found


def calibrated(options, model):
    """The model with what int8 needs, from an image of noise: the images here are noise too."""
    folder = os.path.join(options.work, "calibration")
    os.makedirs(folder, exist_ok=True)
    write_png(image(256, 256), os.path.join(folder, "noise.png"))
    path = os.path.join(options.work, "calibrated.safetensors")
    subprocess.run(
        [options.staypos, "model", "quantize", model, "--images", folder, "--output", path], check=True,
        stdout=subprocess.DEVNULL)
    return path


def score(options, model, size, precision):
    """staypos's logit of the image that the peers see."""
    png = os.path.join(options.work, f"noise-{size}.png")
    write_png(image(*map(int, size.split("x"))), png)
    return child([
        options.staypos, "score", "--json", "--model", model, "--max-pixels", "1000000000", "--precision", precision,
        png])["logit"]


def measure(options, model, graph):
    """A row for each size and engine."""
    rows = []
    memory = available_memory() // 10 * 9
    for size in options.size:
        runs = collections.defaultdict(list)
        todo = commands(options, model, graph, size)
        for turn in range(options.rounds):
            # Forth and back: if the load of the machine drifts, it drifts for all.
            for engine in list(todo)[::1 if turn % 2 == 0 else -1]:
                result = child(todo[engine], memory if engine in ENGINES else None)
                if result is None:
                    del todo[engine]
                    rows.append({"size": size, "engine": engine, "seconds": None, "attainable": None, "interpreter": 0})
                else:
                    runs[engine].append(result)
        # `staypos bench` looks at an image of its own.
        logits = {} if options.files else {
            f"staypos {precision}": score(options, model, size, precision)
            for precision in options.precision if f"staypos {precision}" in runs}
        width, height = map(int, size.split("x"))
        images = options.files or 1
        scored = images if options.files else options.repeat + 1
        # By precision: the best that staypos saw of the machine in this run.
        attainable = {}
        operations = 0
        for engine, results in runs.items():
            for result in results:
                if "attainableRate" in result:
                    operations, precision = result["operations"], engine.split()[-1]
                    attainable[precision] = max(attainable.get(precision, 0), result["attainableRate"])
        for engine, results in runs.items():
            seconds = [result["medianSeconds"] for result in results]
            rate = attainable.get(engine.split()[-1])
            rows.append({
                "size": size, "engine": engine, "seconds": statistics.median(seconds), "fastest": min(seconds),
                "slowest": max(seconds), "rate": images * width * height / 1e6 / statistics.median(seconds),
                "share": operations / statistics.median(seconds) / rate if rate else None, "attainable": rate,
                "processor": statistics.median(result["processorSeconds"] for result in results) / scored,
                "peak": max(result["peakBytes"] for result in results),
                "interpreter": max(result.get("interpreterBytes", 0) for result in results),
                "logit": logits.get(engine, results[0]["logit"])})
    return rows


def table(rows, files):
    lines = [
        "| image | engine | median seconds | range | MP/s | of the attainable rate | processor seconds | peak RSS, MiB | logit |",
        "|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        image = (f"{files} × " if files else "") + row["size"].replace("x", "×")
        if row["seconds"] is None:
            lines.append(f"| {image} | {row['engine']} | did not survive | | | | | | |")
            continue
        share = "" if row["share"] is None else f"{row['share']:.0%}"
        lines.append(
            f"| {image} | {row['engine']} | {row['seconds']:.3f} | "
            f"{row['fastest']:.3f}–{row['slowest']:.3f} | {row['rate']:.3f} | "
            f"{share} | {row['processor']:.2f} | "
            f"{row['peak'] / 2**20:.0f} | {row['logit']:.6f} |")
    return lines


def attainable(rows):
    rates = {}
    for row in rows:
        if row["attainable"]:
            precision = row["engine"].split()[-1]
            rates[precision] = max(rates.get(precision, 0), row["attainable"])
    return rates


def plot(rows, path):
    """Megapixels per second and peak memory, a group of bars for each size."""
    import matplotlib

    matplotlib.use("svg")
    # The same drawing for the same figures.
    matplotlib.rcParams["svg.hashsalt"] = "staypos"
    from matplotlib import pyplot, ticker

    sizes = list(dict.fromkeys(row["size"] for row in rows))
    engines = list(dict.fromkeys(row["engine"] for row in rows))
    # Okabe and Ito's colours, which colour-blind people tell apart.
    colours = ["#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#999999"]
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for axis, label, key, unit in [
        (axes[0], "megapixels per second (more is better)", "rate", 1),
        (axes[1], "peak memory, MiB (less is better)", "peak", 2**20),
    ]:
        width = 0.8 / len(engines)
        for index, engine in enumerate(engines):
            points = [(sizes.index(row["size"]), row[key] / unit) for row in rows
                      if row["engine"] == engine and row["seconds"]]
            axis.bar(
                [place + (index - (len(engines) - 1) / 2) * width for place, _ in points], [value for _, value in points],
                width, label=engine, color=colours[index % len(colours)])
        axis.set_xticks(range(len(sizes)), [size.replace("x", "×") for size in sizes])
        axis.set_title(label, fontsize=10)
    axes[1].set_yscale("log")
    axes[1].yaxis.set_major_formatter(ticker.ScalarFormatter())
    axes[1].yaxis.set_minor_formatter(ticker.NullFormatter())
    axes[1].set_yticks([250, 500, 1000, 2000, 4000])
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(engines), fontsize=8, frameon=False)
    figure.savefig(path, metadata={"Date": None})


def versions():
    import onnxruntime

    found = [f"onnxruntime {onnxruntime.__version__}"]
    if importlib.util.find_spec("openvino"):
        import openvino

        found.append(f"OpenVINO {openvino.__version__.split('-')[0]}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--staypos", required=True, help="the executable")
    parser.add_argument("--work", required=True, help="folder for weights, graph and images")
    parser.add_argument("--report", help="file whose engine section is replaced")
    parser.add_argument("--plot", help="SVG file to draw")
    parser.add_argument("--size", nargs="+", default=["512x512", "1024x1024"], metavar="WxH")
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16", "int8"], help="of staypos")
    parser.add_argument(
        "--model", help="instead of resnet50-nodown with random weights: this one, of the EfficientNet-Lite family")
    parser.add_argument("--section", default="engine", help="of the report")
    parser.add_argument("--peer", nargs="*", default=list(ENGINES), help=f"of {', '.join(ENGINES)}")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeat", type=int, default=3, help="runs in each process, after one that is not counted")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each engine, in turn")
    parser.add_argument(
        "--files", type=int, default=0, metavar="N",
        help="instead of images in memory: so many JPEG files of each size, each scored once, from files to verdicts")
    parser.add_argument("--note", default="", help="a line for the report")
    options = parser.parse_args()

    import lite
    import resnet50

    load = os.getloadavg()[0]
    graph = os.path.join(options.work, "network.onnx")
    if options.model:
        model = options.model
        metadata, tensors = read_safetensors(model)
        lite.write_onnx(metadata, tensors, graph)
        network = f"{metadata['name']}, the same weights"
        # Its code knows one network.
        options.peer = [engine for engine in options.peer if ENGINES[engine][1]]
    else:
        model = os.path.join(options.work, "resnet50-nodown.safetensors")
        tensors = resnet50.weights()
        resnet50.write_safetensors(tensors, model)
        resnet50.write_onnx(tensors, graph)
        network = "resnet50-nodown, the same random weights"
    weights = os.path.getsize(model) / 2**20
    del tensors
    if "int8" in options.precision:
        model = calibrated(options, model)
    rows = measure(options, model, graph)
    version = subprocess.run([options.staypos, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    logits = collections.defaultdict(list)
    for row in rows:
        if "fp32" in row["engine"] and row["seconds"]:
            logits[row["size"]].append(row["logit"])
    differences = [max(values) - min(values) for values in logits.values() if len(values) > 1]
    interpreter = max(row["interpreter"] for row in rows) / 2**20
    rates = ", ".join(f"{name} {rate / 1e9:.0f} G/s" for name, rate in attainable(rows).items())
    if options.files:
        measured = [
            f"{'A JPEG file' if options.files == 1 else f'{options.files} JPEG files'}, {options.rounds} processes of each "
            "engine, in turn and in changing order; median and range over the processes, mean of the logits. The time of "
            "staypos is that of `staypos score` from its start to its end; that of the others begins when the network is "
            "loaded, they decode with Pillow while they score the file before, and all compile for the size in it.",
            "Processor seconds are those of all threads in the whole process, start-up included, by the number of files."]
    else:
        measured = [
            "Of the attainable rate: multiplications and additions of the network by the time, beside the rate of the "
            f"fastest of its layers that is called alone in the same precision, in the same run ({rates}). More than 100 %: "
            "Winograd's algorithm needs fewer.",
            f"{options.rounds} processes of each engine, in turn and in changing order, each the median of {options.repeat} "
            "runs after one that is not counted; median and range over the processes.",
            "Processor seconds are those of all threads in the whole process, start-up included and staypos's measurement of "
            "its layers too, by the number of its runs: other load on the machine changes them least."]
    lines = [
        f"{network}, {options.threads} threads; {version}, {', '.join(versions())}.", "",
        *table(rows, options.files), "",
        *(["![Megapixels per second and peak memory of each engine](engine.svg)", ""] if options.plot else []),
        *measured,
        *([f"Largest difference of the logits in fp32: {max(differences):.1e}."] if differences else []),
        f"Peak RSS includes the weights ({weights:.0f} MiB in fp32) and, for the others, the Python interpreter with numpy ({interpreter:.0f} MiB).",
        *(["Did not survive: it wanted more address space than nine tenths of the memory that the machine had to spare, "
           f"{available_memory() / 10 * 9 / 2**30:.0f} GiB, to which the others are limited."]
          if any(row["seconds"] is None for row in rows) else []),
        f"{processor()}, {datetime.date.today()}, load average {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end.",
    ]
    if options.note:
        lines.append(options.note)
    print("\n".join(lines))
    if options.plot:
        plot(rows, options.plot)
    if options.report:
        replace_section(options.report, options.section, lines)


if __name__ == "__main__":
    main()
