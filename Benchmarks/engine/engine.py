"""staypos bench beside onnxruntime. Started by run.sh; prints a table and writes it into Benchmarks/README.md."""

import argparse
import datetime
import json
import os
import statistics
import struct
import subprocess
import sys
import time
import zlib

from report import processor, replace_section


def peak_bytes():
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024


def write_png(pixels, path):
    height, width, _ = pixels.shape

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    with open(path, "wb") as file:
        file.write(
            b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def image(size):
    import numpy as np

    return np.random.default_rng(size).integers(0, 256, (size, size, 3), dtype=np.uint8)


def run_onnxruntime(model, size, threads, repeat):
    """One process, one size: what staypos bench reports, for onnxruntime. Preprocessing is part of the time."""
    import numpy as np
    import onnxruntime
    from resnet50 import MEAN, STD

    before = peak_bytes()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    pixels = image(size)
    mean = np.array(MEAN, dtype=np.float32)
    std = np.array(STD, dtype=np.float32)
    times = []
    for _ in range(repeat + 1):
        start = time.perf_counter()
        values = (pixels.astype(np.float32) / 255 - mean) / std
        values = np.ascontiguousarray(values.transpose(2, 0, 1)[None])
        logit = float(session.run(None, {"image": values})[0][0, 0])
        times.append(time.perf_counter() - start)
    print(json.dumps({
        "medianSeconds": statistics.median(times[1:]), "peakBytes": peak_bytes(), "interpreterBytes": before,
        "logit": logit}))


def child(arguments):
    """What the process printed, and `processorSeconds` of all its threads from its start to its end."""
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    # staypos score exits with 1 for a flagged image.
    if process.returncode not in (0, 1):
        sys.exit(f"{arguments[0]} ended with {process.returncode}")
    return {**json.loads(output), "processorSeconds": usage.ru_utime + usage.ru_stime}


def measure(options, model, graph):
    """Rows of the table, and the largest relative difference between the logits."""
    rows = []
    difference = 0.0
    for size in options.size:
        png = os.path.join(options.work, f"noise-{size}.png")
        write_png(image(size), png)
        score = child([options.staypos, "score", "--json", "--model", model, "--max-pixels", "1000000000", png])
        commands = {
            "staypos": [
                options.staypos, "bench", "--json", "--model", model, "--size", f"{size}x{size}", "--threads",
                str(options.threads), "--repeat", str(options.repeat)],
            "onnxruntime": [
                sys.executable, __file__, "--child", graph, "--size", str(size), "--threads", str(options.threads),
                "--repeat", str(options.repeat)],
        }
        results = {engine: [] for engine in commands}
        for turn in range(options.rounds):
            # Forth and back: if the load of the machine drifts, it drifts for both.
            for engine in list(commands)[::1 if turn % 2 == 0 else -1]:
                results[engine].append(child(commands[engine]))
        reference = results["onnxruntime"][0]["logit"]
        difference = max(difference, abs(score["logit"] - reference) / abs(reference))
        for engine, runs in results.items():
            median = statistics.median(run["medianSeconds"] for run in runs)
            rows.append({
                "size": f"{size}²", "engine": engine, "seconds": median, "rate": size * size / 1e6 / median,
                "fastest": min(run["medianSeconds"] for run in runs), "slowest": max(run["medianSeconds"] for run in runs),
                "processor": statistics.median(run["processorSeconds"] for run in runs) / (options.repeat + 1),
                "peak": max(run["peakBytes"] for run in runs),
                "interpreter": max(run.get("interpreterBytes", 0) for run in runs),
                "logit": score["logit"] if engine == "staypos" else reference})
    return rows, difference


def table(rows):
    lines = [
        "| image | engine | median seconds | range | MP/s | processor seconds | peak RSS, MiB | logit |",
        "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        lines.append(
            f"| {row['size']} | {row['engine']} | {row['seconds']:.3f} | {row['fastest']:.3f}–{row['slowest']:.3f} | "
            f"{row['rate']:.3f} | {row['processor']:.2f} | {row['peak'] / 2**20:.0f} | {row['logit']:.6f} |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--staypos", help="the executable")
    parser.add_argument("--work", help="folder for weights, graph and images")
    parser.add_argument("--report", help="file whose engine section is replaced")
    parser.add_argument("--size", type=int, nargs="+", default=[512, 1024], help="sides of the square images")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeat", type=int, default=3, help="runs in each process, after one that is not counted")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each engine, in turn")
    parser.add_argument("--note", default="", help="a line for the report")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_onnxruntime(options.child, options.size[0], options.threads, options.repeat)
        return

    import onnxruntime
    from resnet50 import weights, write_onnx, write_safetensors

    load = os.getloadavg()[0]
    model = os.path.join(options.work, "resnet50-nodown.safetensors")
    graph = os.path.join(options.work, "resnet50-nodown.onnx")
    tensors = weights()
    write_safetensors(tensors, model)
    write_onnx(tensors, graph)
    del tensors
    rows, difference = measure(options, model, graph)
    version = subprocess.run([options.staypos, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    interpreter = max(row["interpreter"] for row in rows) / 2**20
    lines = [
        f"resnet50-nodown, the same random weights, fp32, {options.threads} threads; {version}, "
        f"onnxruntime {onnxruntime.__version__}.", "",
        *table(rows), "",
        f"Largest relative difference of the logits: {difference:.1e}.",
        f"Peak RSS includes the weights (90 MiB) and, for onnxruntime, the Python interpreter with its libraries "
        f"({interpreter:.0f} MiB).",
        f"{options.rounds} processes of each engine, in turn and in changing order, each the median of {options.repeat} runs "
        f"after one that is not counted; median and range over the processes.",
        "Processor seconds are those of all threads in the whole process, start-up included, by the number of its runs: other "
        "load on the machine changes them least.",
        f"{processor()}, {datetime.date.today()}, load average {load:.1f} at the start, {os.getloadavg()[0]:.1f} at the end.",
    ]
    if options.note:
        lines.append(options.note)
    print("\n".join(lines))
    if options.report:
        replace_section(options.report, "engine", lines)


if __name__ == "__main__":
    main()
