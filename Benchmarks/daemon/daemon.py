"""Measures a running stayposd. Started by run.sh; prints tables and writes them into Benchmarks/README.md."""

import argparse
import collections
import datetime
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from images import png
from private_daemon import Daemon, Varlink, activity, memory


def write(path, data):
    """As an uploader does it. Returns the monotonic and the wall clock just before close(2)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest):]
    clocks = time.monotonic(), time.time()
    os.close(descriptor)
    return clocks


def drop(directory, images, writers=4):
    """Writes image i as i.png with several processes at once; returns their process numbers."""
    children = []
    for writer in range(writers):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                for index in range(writer, len(images), writers):
                    write(directory / f"{index}.png", images[index])
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    return children


def reap(children):
    for child in children:
        _, status = os.waitpid(child, 0)
        if status:
            sys.exit("a writer failed")


def await_verdicts(monitor, count, timeout=900):
    """Until so many verdicts, counting those that the monitor was too slow for."""
    deadline = time.monotonic() + timeout
    seen = 0
    while seen < count:
        reply = monitor.receive(max(1, deadline - time.monotonic()))
        event = reply.get("event") or {}
        seen += reply.get("lost", 0) + (1 if event.get("verdict") else 0)


def rank(values, share):
    """The smallest value that is not below this share of them."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def latency(options, settle, threshold, count):
    """Milliseconds from close(2) to the event at a monitor, and to the verdict's own time."""
    arrivals, stamps, verdicts = [], [], collections.Counter()
    with Daemon(options, settle=settle, threshold=threshold) as daemon:
        daemon.wait_for_scorers()
        monitor = daemon.monitor()
        for index in range(count + 3):
            path = str(daemon.uploads / f"{index}.png")
            closed, closed_time = write(path, png(512, index))
            while True:
                event = monitor.receive(60).get("event") or {}
                if event.get("path") == path and event.get("verdict"):
                    break
            # The first few meet a scorer that has not seen this size.
            if index >= 3:
                arrivals.append((time.monotonic() - closed) * 1000)
                stamp = datetime.datetime.fromisoformat(event["time"]).timestamp()
                stamps.append((stamp - closed_time) * 1000)
                verdicts[event["verdict"]] += 1
        idle = idleness(daemon, options.idle) if settle == 500 else None
    verdict = ", ".join(verdicts)
    line = f"| {settle} ms | {verdict} | {count} | "
    line += " | ".join(f"{statistics.median(v):.0f} / {rank(v, 0.9):.0f} / {rank(v, 0.99):.0f}" for v in (arrivals, stamps))
    return line + " |", idle


def idleness(daemon, seconds):
    """What daemon and scorers do while nothing happens."""
    # What follows a verdict (a checkpoint, memory given back) is over by then.
    time.sleep(2)
    processes = daemon.processes()
    before = {process: activity(process) for process in processes}
    time.sleep(seconds)
    lines = [
        "| process | threads | context switches | processor seconds | VmRSS, MiB | RssAnon, MiB |", "|---|---|---|---|---|---|"]
    for process, name in processes.items():
        switches, used = activity(process)
        old_switches, old_used = before[process]
        more = sum(switches.values()) - sum(old_switches.values())
        size = memory(process)
        lines.append(
            f"| {name} | {len(switches)} | {more} | {used - old_used:.2f} | {size['VmRSS']:.0f} | {size['RssAnon']:.0f} |")
    return lines


def flood(options, label, images):
    """Everything dropped at once: rates, memory, and whether each file has exactly one verdict."""
    with Daemon(options) as daemon:
        daemon.wait_for_scorers()
        resting = memory(daemon.process.pid)["VmRSS"]
        monitor = daemon.monitor()
        start = time.monotonic()
        writers = drop(daemon.uploads, images)
        await_verdicts(monitor, len(images))
        seconds = time.monotonic() - start
        reap(writers)
        peaks = {}
        for process, name in daemon.processes().items():
            peaks[name] = max(peaks.get(name, 0), memory(process)["VmHWM"])
        after = memory(daemon.process.pid)["VmRSS"]
        entries = daemon.history()
    verdicts = collections.Counter(entry["path"] for entry in entries)
    expected = {str(daemon.uploads / f"{index}.png") for index in range(len(images))}
    missing = len(expected - verdicts.keys())
    twice = sum(1 for number in verdicts.values() if number > 1)
    kinds = collections.Counter(entry["verdict"] for entry in entries)
    cached = sum(1 for entry in entries if entry["cached"])
    if missing or twice or verdicts.keys() - expected:
        print(f"{label}: {missing} without a verdict, {twice} with more than one", file=sys.stderr)
        options.failed = True
    line = (
        f"| {label} | {seconds:.1f} | {len(images) / seconds:.0f} | {missing} / {twice} | {cached} | "
        f"{', '.join(kinds)} | {resting:.0f} / {peaks['stayposd']:.0f} / {after:.0f} | {peaks['staypos-scorer']:.0f} |")
    return line, seconds


def backlog(options, count):
    """Files that are there before the daemon: until all are queued, until all are judged."""
    with tempfile.TemporaryDirectory(prefix="uploads-", dir=options.work) as directory:
        uploads = Path(directory)
        image = png(64, 0)
        for index in range(count):
            write(uploads / f"{index}.png", image)
        # Past the settle time: these are old uploads.
        time.sleep(1)
        with Daemon(options, settle=500, uploads=uploads) as daemon:
            connection = Varlink(daemon.socket)
            queued = None
            while True:
                status = connection.status()
                judged = sum(status["counts"].values())
                now = time.monotonic() - daemon.ready
                if queued is None and status["queueDepth"] + status["inFlight"] + judged >= count:
                    queued = now
                if judged >= count:
                    peak = memory(daemon.process.pid)["VmHWM"]
                    break
                time.sleep(0.1)
    return f"| {count} | {queued:.1f} | {now:.1f} | {count / now:.0f} | {peak:.0f} |"


def engines(options, workers):
    """Images a second of that many `staypos bench` at one thread each, at the same time."""
    children = [
        subprocess.Popen(
            [f"{options.executables}/staypos", "bench", "--json", "--model", options.model, "--size", "512x512",
             "--threads", "1", "--repeat", "60"], stdout=subprocess.PIPE) for _ in range(workers)]
    results = [json.loads(child.communicate()[0]) for child in children]
    return sum(1 / result["medianSeconds"] for result in results)


def processor():
    with open("/proc/cpuinfo") as information:
        for line in information:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def report(path, lines):
    begin, end = "<!-- daemon: begin -->", "<!-- daemon: end -->"
    with open(path) as file:
        text = file.read()
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    with open(path, "w") as file:
        file.write(before + begin + "\n" + "\n".join(lines) + "\n" + end + after)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executables", required=True, help="their directory")
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", required=True, help="a directory on the file system to measure")
    parser.add_argument("--report", help="file whose daemon section is replaced")
    parser.add_argument("--uploads", type=int, default=200, help="one after the other, settle time 0")
    parser.add_argument("--idle", type=int, default=60, help="seconds to watch an idle daemon")
    parser.add_argument("--files", type=int, default=5000, help="small files dropped at once")
    parser.add_argument("--backlog", type=int, default=20000, help="small files at the start")
    parser.add_argument("--images", type=int, default=400, help="512×512 images dropped at once")
    parser.add_argument("--only", nargs="+", choices=["latency", "flood", "backlog", "throughput"], help="writes no report")
    parser.add_argument("--note", default="", help="a line for the report")
    options = parser.parse_args()
    options.failed = False
    load = os.getloadavg()[0]
    workers = len(os.sched_getaffinity(0))
    version = subprocess.run(
        [f"{options.executables}/stayposd", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    lines = []

    def say(*new):
        print(*new, sep="\n", flush=True)
        lines.extend(new)

    def wanted(part):
        return not options.only or part in options.only

    say(f"{version}, default model, {workers} workers with one thread each. {processor()}, {workers} cores, "
        f"{datetime.date.today()}, load average at the start {load:.1f}.")
    if options.note:
        say(options.note)
    if wanted("latency"):
        say("", "One 512×512 PNG after the other, each different; milliseconds from `close(2)`, median / p90 / p99:", "",
            "| settle time | verdict | uploads | to the event at a monitor | to the verdict's own time |", "|---|---|---|---|---|")
        few = max(1, options.uploads * 3 // 20)
        say(latency(options, 0, 1.0, options.uploads)[0])
        say(latency(options, 0, 0.0, options.uploads)[0])
        line, idle = latency(options, 500, 1.0, few)
        say(line, "", f"The same daemon in {options.idle} s without uploads:", "", *idle)
    if wanted("flood"):
        say("", f"{options.files} PNGs of 64×64 pixels dropped at once by 4 writers:", "",
            "| content | seconds | files/s | missing / twice | from the cache | verdicts | "
            "daemon's RSS before / peak / after, MiB | scorer's peak RSS, MiB |", "|---|---|---|---|---|---|---|---|")
        say(flood(options, "all different", [png(64, index) for index in range(options.files)])[0])
        say(flood(options, "all the same", [png(64, 0)] * options.files)[0])
    if wanted("backlog"):
        say("", "Files of the same content that are there before the daemon starts; seconds from `READY=1`:", "",
            "| files | all queued | all judged | files/s | daemon's peak RSS, MiB |", "|---|---|---|---|---|")
        say(backlog(options, options.backlog))
    if wanted("throughput"):
        line, seconds = flood(options, "", [png(512, index) for index in range(options.images)])
        daemon, engine = options.images / seconds, engines(options, workers)
        say("", f"{options.images} different PNGs of 512×512 pixels dropped at once, beside {workers} processes of "
            "`staypos bench --threads 1` that decode nothing:", "",
            "| | images/s | MP/s |", "|---|---|---|",
            f"| daemon | {daemon:.1f} | {daemon * 0.262144:.2f} |", f"| engine alone | {engine:.1f} | {engine * 0.262144:.2f} |")
    if options.failed:
        sys.exit("not every file has exactly one verdict: nothing is reported")
    if options.report and not options.only:
        report(options.report, lines)


if __name__ == "__main__":
    main()
