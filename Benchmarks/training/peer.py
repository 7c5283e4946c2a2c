"""PyTorch and SciPy on what Benchmarks/training/run.sh has staypos train on: a table of features, and networks.

    peer.py make FILE ROWS COLUMNS SEED     write the table: features like a network's, and labels
    peer.py scipy FILE ROWS COLUMNS         the optimum by SciPy's bounded L-BFGS-B, in Double
    peer.py adam FILE ROWS COLUMNS EPOCHS   seconds of so many epochs of the paper's Adam with batches of 1024
    peer.py torch FILE ROWS COLUMNS LOSS    seconds until the best of PyTorch's own ways reaches this loss
    peer.py backbone NAME CROP BATCH STEPS    seconds of each step of training a network with random weights
"""

import json
import os
import resource
import sys
import time

import numpy


def make(path, rows, columns, seed):
    random = numpy.random.default_rng(seed)
    latent = columns // 8
    mixing = random.standard_normal((latent, columns), dtype=numpy.float32) / numpy.sqrt(latent)
    scales = numpy.exp(random.standard_normal(columns) - 1).astype(numpy.float32)
    rule = random.standard_normal(latent).astype(numpy.float32) / numpy.sqrt(latent)
    with open(path, "wb") as features, open(path + ".labels", "wb") as labels:
        for start in range(0, rows, 5000):
            count = min(5000, rows - start)
            factors = random.standard_normal((count, latent), dtype=numpy.float32)
            noise = random.standard_normal((count, columns), dtype=numpy.float32)
            values = numpy.maximum(factors @ mixing + 0.3 * noise, 0) * scales
            features.write(values.astype(numpy.float32).tobytes())
            score = factors @ rule + 0.7 * random.standard_normal(count).astype(numpy.float32)
            labels.write((score > 0.2).astype(numpy.float32).tobytes())


def load(path, rows, columns):
    x = numpy.fromfile(path, dtype=numpy.float32).reshape(rows, columns)
    return x, numpy.fromfile(path + ".labels", dtype=numpy.float32)


def scipy_optimum(x, y):
    """On standardized features, which has the same solutions and takes L-BFGS far fewer steps."""
    from scipy.optimize import minimize

    mean, deviation = x.mean(0, dtype=numpy.float64), x.std(0, dtype=numpy.float64) + 1e-12

    def loss(parameters):
        w, c = parameters[:-1] / deviation, parameters[-1]
        z = (x @ w.astype(numpy.float32)).astype(numpy.float64) + (c - mean @ w)
        p = 0.5 * (1 + numpy.tanh(z / 2))
        residual = (p - y) / len(y)
        total = residual.sum()
        gradient = ((residual.astype(numpy.float32) @ x).astype(numpy.float64) - mean * total) / deviation
        return numpy.mean(numpy.logaddexp(0, z) - y * z), numpy.append(gradient, total)

    start = time.perf_counter()
    bounds = [(0, None)] * x.shape[1] + [(None, None)]
    result = minimize(
        loss, numpy.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 20_000, "maxfun": 40_000, "maxcor": 50, "ftol": 1e-11, "gtol": 1e-7})
    # Of the gradient, what the bounds do not take up.
    left = numpy.where(result.x > 0, result.jac, numpy.minimum(result.jac, 0))[:-1]
    return {
        "loss": float(result.fun), "seconds": time.perf_counter() - start, "evaluations": int(result.nfev),
        "gradient": float(max(abs(left).max(), abs(result.jac[-1]))), "converged": result.status == 0,
        "message": str(result.message)}


def head(torch, columns):
    layer = torch.nn.Linear(columns, 1)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    return layer


def adam(x, y, epochs):
    import torch

    torch.set_num_threads(2)
    x, y = torch.from_numpy(x), torch.from_numpy(y)
    layer, criterion = head(torch, x.shape[1]), torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(layer.parameters(), lr=1e-4)
    start = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(len(x))
        for first in range(0, len(x), 1024):
            rows = order[first:first + 1024]
            optimizer.zero_grad()
            criterion(layer(x[rows])[:, 0], y[rows]).backward()
            optimizer.step()
            with torch.no_grad():
                layer.weight.clamp_(min=0)
    return {"seconds": time.perf_counter() - start}


def accelerated(torch, x, y, goal, limit):
    """Projected gradient with momentum and restarts (FISTA), on standardized features."""
    mean, deviation = x.mean(0), x.std(0) + 1e-12
    criterion = torch.nn.functional.binary_cross_entropy_with_logits
    start = time.perf_counter()

    def evaluate(v, c):
        w = v / deviation
        z = torch.mv(x, w) + (c - w @ mean)
        residual = (torch.sigmoid(z) - y) / len(y)
        total = residual.sum()
        return criterion(z, y).item(), (torch.mv(x.t(), residual) - mean * total) / deviation, total

    v, c = torch.zeros(x.shape[1]), torch.zeros(())
    ahead, ahead_c, t, size = v, c, 1.0, 4.0
    best = float("inf")
    while time.perf_counter() - start < limit:
        value, gradient, slope = evaluate(ahead, ahead_c)
        while True:
            next_v, next_c = torch.clamp(ahead - size * gradient, min=0), ahead_c - size * slope
            step, step_c = next_v - ahead, next_c - ahead_c
            reached = evaluate(next_v, next_c)[0]
            bound = value + gradient @ step + slope * step_c + (step @ step + step_c ** 2) / (2 * size)
            if reached <= bound.item() + 1e-7:
                break
            size /= 2
        best = min(best, reached)
        if best <= goal:
            return {"seconds": time.perf_counter() - start, "reached": True, "loss": best}
        if ((ahead - next_v) @ (next_v - v) + (ahead_c - next_c) * (next_c - c)).item() > 0:
            t = 1.0
        following = (1 + (1 + 4 * t * t) ** 0.5) / 2
        share = (t - 1) / following
        ahead, ahead_c = next_v + share * (next_v - v), next_c + share * (next_c - c)
        v, c, t = next_v, next_c, following
    return {"seconds": time.perf_counter() - start, "reached": False, "loss": best}


def until(x, y, goal, limit=60.0):
    import torch

    torch.set_num_threads(2)
    return accelerated(torch, torch.from_numpy(x), torch.from_numpy(y), goal, limit)


LITE0 = [
    (3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1)]


def network(name):
    """As PyTorch users write it; the tests compare with the same definitions."""
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../Tests/Support"))
    import torch_reference

    if name == "efficientnet-lite0":
        return torch_reference.EfficientNetLite(torch_reference.lite((3, 2, 32), LITE0, 1280, 32))
    return torch_reference.ResNet(torch_reference.CASES[name]()[0])


def backbone(name, crop, batch, steps):
    import torch

    torch.set_num_threads(2)
    torch.manual_seed(1)
    model = network(name).to(memory_format=torch.channels_last).train()
    layer, criterion = head(torch, model.features), torch.nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam([*model.parameters(), *layer.parameters()], lr=1e-4)
    images = torch.randn(batch, 3, crop, crop).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch).remainder(2).float()
    times = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        optimizer.zero_grad()
        criterion(layer(model(images).mean((2, 3)))[:, 0], labels).backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": times[1:], "peakBytes": peak}


def main():
    what = sys.argv[1]
    if what == "backbone":
        return backbone(sys.argv[2], *map(int, sys.argv[3:]))
    path, rows, columns = sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    if what == "make":
        return make(path, rows, columns, int(sys.argv[5]))
    x, y = load(path, rows, columns)
    if what == "scipy":
        return scipy_optimum(x, y)
    if what == "adam":
        return adam(x, y, int(sys.argv[5]))
    return until(x, y, float(sys.argv[5]))


if __name__ == "__main__":
    json.dump(main(), sys.stdout)
    print()
