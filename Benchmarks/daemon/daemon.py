"""Measures a running stayposd. Started by run.sh; prints tables and writes them into Benchmarks/README.md."""

import argparse
import collections
import datetime
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import threading
import time

from images import png
from kernel import Activity, memory
from private_daemon import Daemon
from report import processor, replace_section

MEGAPIXELS = 512 * 512 / 1e6


def write(path, data):
    """As an uploader does it. Returns the monotonic clock just before close(2)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest):]
    clock = time.monotonic()
    os.close(descriptor)
    return clock


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


def await_verdicts(monitor, count, timeout=600):
    """Until so many verdicts, counting those that the monitor was too slow for."""
    deadline = time.monotonic() + timeout
    seen = 0
    while seen < count:
        reply = monitor.receive(max(1, deadline - time.monotonic()))
        event = reply.get("event") or {}
        seen += reply.get("lost", 0) + (1 if event.get("verdict") else 0)


def rank(values, share):
    """The smallest value that at least this share of them does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def latency(options, settle, threshold, count):
    """A row: milliseconds from close(2) until a monitor has the verdict."""
    times, verdicts = [], set()
    with Daemon(options, settle, threshold) as daemon:
        daemon.wait_for_scorers()
        monitor = daemon.monitor()
        # The first few meet scorers that have not seen this size, and do not count.
        for index in range(count + 3):
            path = str(daemon.uploads / f"{index}.png")
            closed = write(path, png(512, index))
            while True:
                event = monitor.receive(60).get("event") or {}
                if event.get("path") == path and event.get("verdict"):
                    break
            if index >= 3:
                times.append((time.monotonic() - closed) * 1000)
                verdicts.add(event["verdict"])
        if any(entry["cached"] for entry in daemon.history()):
            raise RuntimeError("an image came twice: its verdict was not computed")
    return (
        f"| {settle} ms | {', '.join(verdicts)} | {len(times)} | {statistics.median(times):.1f} | {rank(times, 0.9):.1f} | "
        f"{rank(times, 0.99):.1f} | {max(times):.1f} |")


class Idle:
    """Watches a daemon that has nothing to do, first alone, then with a client that monitors it.

    On a thread of its own, which sleeps: other measurements go on meanwhile, for a process that sleeps does not notice.
    Memory is taken when no other daemon runs, because processes of one program share pages.
    """

    def __init__(self, daemon, seconds):
        self.daemon = daemon
        self.seconds = seconds
        self.activities = []
        daemon.wait_for_scorers()
        self.processes = daemon.processes()
        self.memories = [self.memory()]
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def memory(self):
        return {process: memory(process) for process in self.processes}

    def watch(self):
        self.activities.append(self.activity())
        # Held until the end: the connection is what is measured.
        self.monitor = self.daemon.monitor()
        self.activities.append(self.activity())

    def activity(self):
        # What came before is over by then: a scan, an answer, libdispatch's threads, which end after 5 s without work.
        time.sleep(7)
        before = {process: Activity(process) for process in self.processes}
        time.sleep(self.seconds)
        return {process: Activity(process).since(before[process]) for process in self.processes}

    def rows(self):
        """Waits for the end."""
        self.thread.join()
        self.memories.append(self.memory())
        lines = []
        for label, activity, sizes in zip(("none", "one"), self.activities, self.memories):
            for process, name in self.processes.items():
                switches, used, places = activity[process]
                where = f" (in {', '.join(sorted(places))})" if places else ""
                size = sizes[process]
                pss = "–" if size["Pss"] is None else f"{size['Pss']:.1f}"
                lines.append(
                    f"| {label} | {name} | {switches}{where} | {used:.1f} | {size['VmRSS']:.1f} | {pss} |")
        return lines


class Flood:
    """Images dropped at once by 4 writers: how long until all have verdicts, memory, and whether each has exactly one."""

    def __init__(self, options, images):
        with Daemon(options) as daemon:
            daemon.wait_for_scorers()
            self.resting = memory(daemon.process.pid)["VmRSS"]
            monitor = daemon.monitor()
            start = time.monotonic()
            writers = drop(daemon.uploads, images)
            await_verdicts(monitor, len(images))
            self.seconds = time.monotonic() - start
            reap(writers)
            # A second verdict would come now.
            daemon.wait_for_rest()
            self.peaks = collections.defaultdict(list)
            for process, name in daemon.processes().items():
                self.peaks[name].append(memory(process)["VmHWM"])
            self.after = memory(daemon.process.pid)["VmRSS"]
            entries = daemon.history()
        paths = collections.Counter(entry["path"] for entry in entries)
        expected = {str(daemon.uploads / f"{index}.png") for index in range(len(images))}
        self.missing = len(expected - paths.keys())
        self.twice = sum(1 for number in paths.values() if number > 1)
        self.verdicts = collections.Counter(entry["verdict"] for entry in entries)
        self.cached = sum(1 for entry in entries if entry["cached"])
        if paths.keys() - expected:
            raise RuntimeError("verdicts on files that nobody wrote")
        # Every upload is an image: a verdict without a score would make the figures look better than they are.
        if self.missing or self.twice or self.verdicts.keys() & {"not-scored"}:
            print(f"{self.missing} missing, {self.twice} twice, {dict(self.verdicts)}", file=sys.stderr)
            options.failed = True


def flood_row(options, label, images):
    flood = Flood(options, images)
    scorers = " and ".join(f"{peak:.0f}" for peak in flood.peaks["staypos-scorer"])
    verdicts = ", ".join(f"{number} {verdict}" for verdict, number in flood.verdicts.items())
    return (
        f"| {label} | {verdicts} | {flood.missing} / {flood.twice} | {flood.cached} | {flood.seconds:.1f} | "
        f"{len(images) / flood.seconds:.0f} | {flood.resting:.0f} / {flood.peaks['stayposd'][0]:.0f} / {flood.after:.0f} | "
        f"{scorers} |")


def engine(options, processes, threads):
    """Images a second of that many `staypos bench` at the same time, from each one's median."""
    children = [
        subprocess.Popen(
            [f"{options.executables}/staypos", "bench", "--json", "--model", options.model, "--size", "512x512",
             "--threads", str(threads), "--repeat", str(options.images // 2)], stdout=subprocess.PIPE)
        for _ in range(processes)]
    results = [json.loads(child.communicate()[0]) for child in children]
    return sum(1 / result["medianSeconds"] for result in results)


def throughput(options, workers):
    """Rows: megapixels a second of the daemon and of the engine without it, in turn."""
    images = [png(512, index) for index in range(options.images)]
    rates = {
        "daemon, from file to verdict": lambda: len(images) / Flood(options, images).seconds,
        f"{workers} × `staypos bench --threads 1`": lambda: engine(options, workers, 1),
        f"`staypos bench --threads {workers}`": lambda: engine(options, 1, workers),
    }
    results = collections.defaultdict(list)
    for _ in range(options.rounds):
        for name, measure in rates.items():
            results[name].append(measure() * MEGAPIXELS)
    return [
        f"| {name} | {statistics.median(values):.2f} | {min(values):.2f}–{max(values):.2f} |"
        for name, values in results.items()]


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="Only a run with the default counts is written into the report.")
    parser.add_argument("--executables", required=True, help="their directory")
    parser.add_argument("--model", required=True)
    parser.add_argument("--work", required=True, help="a directory on the file system to measure")
    parser.add_argument("--report", help="file whose daemon section is replaced")
    parser.add_argument("--note", default="", help="a line for the report")
    counts = {
        "latency-count": (200, "uploads, one after the other"), "idle-seconds": (60, "to watch an idle daemon, twice"),
        "burst": (5000, "small files dropped at once"), "images": (60, "512×512 images dropped at once"),
        "rounds": (3, "of the throughput's measurements, in turn"),
    }
    for name, (default, text) in counts.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{text} ({default})")
    parser.add_argument("--only", nargs="+", choices=["latency", "idle", "burst", "throughput"])
    options = parser.parse_args()
    options.is_full = not options.only and all(
        getattr(options, name.replace("-", "_")) == default for name, (default, _) in counts.items())
    options.failed = False
    return options


def main():
    options = arguments()
    # Like Ctrl-C: the daemons are stopped, and what they were given is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    start, load = time.monotonic(), os.getloadavg()[0]
    workers = len(os.sched_getaffinity(0))
    version = subprocess.run(
        [f"{options.executables}/stayposd", "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    lines = []

    def say(*new):
        print(*new, sep="\n", flush=True)
        lines.extend(new)

    def wanted(part):
        return not options.only or part in options.only

    say(f"{version}, default model, {workers} scorers with one thread each. {processor()}, {workers} cores, "
        f"{datetime.date.today()}.")
    if options.note:
        say(options.note)

    idle_daemon = Daemon(options) if wanted("idle") else None
    idle = None
    try:
        if idle_daemon:
            idle_daemon.__enter__()
            idle = Idle(idle_daemon, options.idle_seconds)
        if wanted("latency"):
            say("", "**Latency**, milliseconds:", "",
                "| settle time | verdict | uploads | median | p90 | p99 | longest |", "|---|---|---|---|---|---|---|")
            say(latency(options, 500, 1.0, options.latency_count))
            say(latency(options, 0, 1.0, options.latency_count))
            say(latency(options, 0, 0.0, math.ceil(options.latency_count / 2)))
        if idle:
            say("", f"**Idle**, {options.idle_seconds} s each:", "",
                "| monitors | process | context switches | processor time, ms | RSS, MiB | PSS, MiB |",
                "|---|---|---|---|---|---|")
            say(*idle.rows())
    finally:
        if idle_daemon:
            idle_daemon.__exit__()

    if wanted("burst"):
        say("", "**Burst**, PNGs of 64×64 pixels:", "",
            "| content | verdicts | missing / twice | from the cache | seconds | files/s | "
            "daemon's RSS before / peak / after, MiB | scorers' peak RSS, MiB |", "|---|---|---|---|---|---|---|---|")
        say(flood_row(options, "all different", [png(64, index) for index in range(options.burst)]))
        say(flood_row(options, "all the same", [png(64, 0)] * math.ceil(options.burst / 5)))
    if wanted("throughput"):
        say("", f"**Throughput**, 512×512 pixels, median and range of {options.rounds} rounds:", "",
            "| | MP/s | range |", "|---|---|---|")
        say(*throughput(options, workers))
    say("", f"Took {time.monotonic() - start:.0f} s; load average {load:.1f} at the start, "
        f"{os.getloadavg()[0]:.1f} at the end.")
    if options.failed:
        sys.exit("not every file has exactly one verdict with a score: nothing is reported")
    if options.report and options.is_full:
        replace_section(options.report, "daemon", lines)


if __name__ == "__main__":
    main()
