"""staypos, PyTorch and SciPy train a head on the same table, in turn, each in a process of its own."""

import argparse
import glob
import json
import os
import subprocess
import sys

import report


def run(command, environment=None):
    result = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True)
    return json.loads(result.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--staypos", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--report", required=True)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=2_048)
    parser.add_argument("--epochs", type=int, default=5, help="of Adam's")
    parser.add_argument("--prepare", action="store_true", help="only make the table and SciPy's optimum")
    parser.add_argument("--print-only", action="store_true", help="leave the report as it is")
    options = parser.parse_args()

    peer = [sys.executable, "-B", os.path.join(os.path.dirname(__file__), "peer.py")]
    table = os.path.join(options.work, f"features-{options.rows}x{options.columns}")
    size = [table, str(options.rows), str(options.columns)]
    if not os.path.exists(table + ".labels"):
        subprocess.run(peer + ["make"] + size + ["1"], check=True)
    # Of no interest how long it takes, so it is done once.
    if not os.path.exists(table + ".optimum"):
        answer = run(peer + ["scipy"] + size)
        with open(table + ".optimum", "w") as file:
            json.dump(answer, file)
    with open(table + ".optimum") as file:
        optimum = json.load(file)
    if options.prepare:
        return
    blas = glob.glob(os.path.join(options.work, "openblas/usr/lib/*/openblas-pthread"))
    environment = dict(os.environ, OMP_NUM_THREADS="2", OPENBLAS_NUM_THREADS="2")
    if blas:
        environment["LD_LIBRARY_PATH"] = blas[0]

    def staypos(optimizer):
        return run([options.staypos, "bench-head", *size, "--optimizer", optimizer, "--epochs", str(options.epochs)])

    newton = staypos("newton")
    ours = staypos("adam")["seconds"]
    theirs = run(peer + ["adam"] + size + [str(options.epochs)], environment)["seconds"]
    goal = min(optimum["loss"], newton["loss"]) + 1e-4
    reached = next(time for loss, time in zip(newton["losses"], newton["times"]) if loss <= goal)
    torch = run(peer + ["torch"] + size + [repr(goal)], environment)
    difference = newton["loss"] - optimum["loss"]
    torch_time = f"{torch['seconds']:.1f}" if torch["reached"] else f"more than {torch['seconds']:.0f}"
    at_least = "" if torch["reached"] else "at least "
    lines = [
        f"{options.rows:,} × {options.columns:,} features, 2 threads each, {report.processor()}.",
        "",
        "| | staypos | PyTorch | ratio |",
        "|---|---|---|---|",
        f"| the paper's Adam, {options.epochs} epochs with batches of 1,024, seconds | {ours:.2f} | {theirs:.2f} | "
        f"{theirs / ours:.1f} |",
        f"| to the optimum's loss + 10⁻⁴, seconds | {reached:.1f} | {torch_time} | "
        f"{at_least}{torch['seconds'] / reached:.1f} |",
        "",
        f"staypos converges in {newton['seconds']:.1f} s and {newton['steps']} steps: loss {newton['loss']:.7f}, "
        f"{newton['weightsAboveZero']} weights above zero. SciPy's bounded L-BFGS-B after {optimum['evaluations']} "
        f"evaluations: {optimum['loss']:.7f} (difference {difference:+.1e}).",
        "PyTorch has no optimizer with bounds: for the second line it runs projected gradient with momentum and restarts "
        "(FISTA) on standardized features, a product with the table forth and one back in each step"
        + (", with OpenBLAS." if blas else "."),
    ]
    print("\n".join(lines))
    if not options.print_only:
        report.replace_section(options.report, "training", lines)


main()
