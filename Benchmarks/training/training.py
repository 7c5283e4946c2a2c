"""staypos, PyTorch and SciPy train a head on the same table, and networks on the same shapes: in turn, each in a process of its
own."""

import argparse
import glob
import hashlib
import inspect
import json
import os
import statistics
import subprocess
import sys

import peer
import report

# Name, crop and batch: small ones, which change the rate little.
NETWORKS = [("resnet50-nodown", 96, 8), ("efficientnet-lite0", 96, 32)]


def run(command, environment=None):
    result = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True)
    return json.loads(result.stdout)


class Bench:
    def __init__(self, options):
        self.options = options
        self.peer = [sys.executable, "-B", os.path.join(os.path.dirname(__file__), "peer.py")]
        self.blas = glob.glob(os.path.join(options.work, "openblas/usr/lib/*/openblas-pthread"))
        self.environment = dict(os.environ, OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2")
        if self.blas:
            self.environment["LD_LIBRARY_PATH"] = self.blas[0]
        base = os.path.join(options.work, f"features-{options.rows}x{options.columns}")
        # Another way to make the table is another problem, with another optimum.
        self.table = f"{base}-{self.key(peer.make)}"
        self.optimum = f"{self.table}.optimum-{self.key(peer.scipy_optimum)}"
        for old in glob.glob(base + "*"):
            if not old.startswith(self.table) or ".optimum" in old and old != self.optimum:
                os.remove(old)
        self.size = [self.table, str(options.rows), str(options.columns)]

    @staticmethod
    def key(function):
        return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:8]

    def prepare(self):
        if not os.path.exists(self.table + ".labels"):
            subprocess.run(self.peer + ["make"] + self.size + ["1"], check=True, stdout=subprocess.DEVNULL)
        # Of no interest how long it takes, so it is done once.
        if not os.path.exists(self.optimum):
            answer = run(self.peer + ["scipy"] + self.size, self.environment)
            with open(self.optimum, "w") as file:
                json.dump(answer, file)
        with open(self.optimum) as file:
            return json.load(file)

    def staypos(self, *arguments):
        return run([self.options.staypos, *arguments])

    def bench_head(self, optimizer):
        return self.staypos("bench-head", *self.size, "--optimizer", optimizer, "--epochs", str(self.options.epochs))

    def head(self):
        optimum = self.prepare()
        rows, columns, epochs = self.options.rows, self.options.columns, self.options.epochs
        goal = optimum["loss"] + 1e-4
        newtons, torches, ours, theirs = [], [], [], []
        for _ in range(self.options.rounds):
            newtons.append(self.bench_head("newton"))
            torches.append(run(self.peer + ["torch"] + self.size + [repr(goal)], self.environment))
        newton, torch = newtons[0], max(torches, key=lambda result: not result["reached"])
        reached = [next(time for loss, time in zip(newton["losses"], newton["times"]) if loss <= goal)
                   for newton in newtons]
        least, most = min(reached), max(reached)
        reached, converged = statistics.median(reached), statistics.median(newton["seconds"] for newton in newtons)
        peers = [result["seconds"] for result in torches]
        peer_time = statistics.median(peers)
        for _ in range(self.options.rounds):
            ours.append(self.bench_head("adam")["seconds"])
            theirs.append(run(self.peer + ["adam"] + self.size + [str(epochs)], self.environment)["seconds"])
        own, other = statistics.median(ours), statistics.median(theirs)
        torch_time = (f"{peer_time:.2f} ({min(peers):.2f}–{max(peers):.2f})" if torch["reached"]
                      else f"more than {torch['seconds']:.0f}")
        at_least = "" if torch["reached"] else "at least "
        end = "converged" if optimum["converged"] else f"ended: {optimum['message']}"
        return [
            f"{rows:,} × {columns:,} features, 2 threads each, {report.processor()}.",
            "",
            "| | staypos | PyTorch | ratio |",
            "|---|---|---|---|",
            f"| the paper's Adam, {epochs} epochs with batches of 1,024, seconds (median of {len(ours)} runs in turn) | "
            f"{own:.2f} ({min(ours):.2f}–{max(ours):.2f}) | {other:.2f} ({min(theirs):.2f}–{max(theirs):.2f}) | "
            f"{other / own:.1f} |",
            f"| to the optimum's loss + 10⁻⁴, seconds (median of {len(peers)} runs in turn) | "
            f"{reached:.2f} ({least:.2f}–{most:.2f}) | {torch_time} | {at_least}{peer_time / reached:.1f} |",
            "",
            f"staypos converges in {converged:.1f} s and {newton['steps'] - 1} steps: loss {newton['loss']:.7f}, "
            f"{newton['weightsAboveZero']} weights above zero. SciPy's bounded L-BFGS-B after {optimum['evaluations']} "
            f"evaluations ({end}, largest component of the projected gradient {optimum['gradient']:.0e}): "
            f"{optimum['loss']:.7f} (difference {newton['loss'] - optimum['loss']:+.1e}).",
            "PyTorch has no optimizer with bounds: for the second line it runs projected gradient with momentum and restarts "
            "(FISTA) on standardized features, a product with the table forth and one back in each step"
            + (", with OpenBLAS." if self.blas else "."),
        ]

    def backbone(self):
        lines = [
            f"Steps of training on batches of noise: forward with the batch's statistics, backward, Adam; 2 threads each, "
            f"{report.processor()}.",
            "",
            "| network, crops | engine | seconds a step | range | images/s | MP/s | peak RSS, GiB |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, crop, batch in NETWORKS:
            if self.options.network not in (None, name):
                continue
            shape = [name, str(crop), str(batch), str(self.options.steps)]
            for precision in self.options.precision:
                options = dict(zip(["--crop-size", "--batch", "--steps"], shape[1:]))
                arguments = [part for pair in options.items() for part in pair]
                rows = {
                    f"staypos {precision}": self.staypos("bench-backbone", name, *arguments, "--precision", precision)
                }
                # In bf16 Debian's PyTorch has no gradient of ReLU6.
                if precision == "fp32":
                    rows["PyTorch fp32"] = run(self.peer + ["backbone"] + shape, self.environment)
                for engine, result in rows.items():
                    print(name, engine, result, file=sys.stderr, flush=True)
                    times = result["seconds"]
                    median = statistics.median(times)
                    lines.append(
                        f"| {name}, {batch} × {crop}² | {engine} | {median:.3f} | {min(times):.3f}–{max(times):.3f} | "
                        f"{batch / median:.1f} | {batch * crop * crop / median / 1e6:.3f} | "
                        f"{result['peakBytes'] / 2 ** 30:.2f} |")
        return lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--staypos", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--report", required=True)
    parser.add_argument("--part", choices=["head", "backbone"], help="only this one")
    parser.add_argument("--network", choices=[name for name, _, _ in NETWORKS], help="only this one")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=2_048)
    parser.add_argument("--epochs", type=int, default=5, help="of Adam's")
    parser.add_argument("--rounds", type=int, default=3, help="of the head's, in turn")
    parser.add_argument("--steps", type=int, default=3, help="of a network's training, after one that is not counted")
    parser.add_argument("--precision", nargs="+", default=["fp32", "bf16"])
    parser.add_argument("--prepare", action="store_true", help="only make the table and SciPy's optimum")
    parser.add_argument("--print-only", action="store_true", help="leave the report as it is")
    options = parser.parse_args()

    bench = Bench(options)
    if options.prepare:
        print(json.dumps(bench.prepare()))
        return
    for part, section, measure in [
        ("head", "training", bench.head), ("backbone", "training-backbone", bench.backbone),
    ]:
        if options.part in (None, part):
            lines = measure()
            print("\n".join(lines), end="\n\n")
            if not options.print_only:
                report.replace_section(options.report, section, lines)


main()
