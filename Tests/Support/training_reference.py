"""Independent answers for TrainingTests: SciPy, NumPy and PyTorch on problems that the tests write to files.

    training_reference.py bounded FEATURES LABELS COLUMNS LOWER L2     the optimum of logistic regression
    training_reference.py adam FEATURES LABELS COLUMNS BATCH STEPS RATE
    training_reference.py interval SUCCESSES COUNT CONFIDENCE          Clopper and Pearson's
"""

import json
import sys

import numpy


def load(features, labels, columns):
    x = numpy.fromfile(features, dtype=numpy.float32).reshape(-1, int(columns))
    return x, numpy.fromfile(labels, dtype=numpy.float32)


def bounded(features, labels, columns, lower, l2):
    from scipy.optimize import minimize

    x, y = load(features, labels, columns)
    x, y, l2 = x.astype(numpy.float64), y.astype(numpy.float64), float(l2)
    # In units of each feature's deviation: of features of very different sizes, L-BFGS gives up on the way.
    scales = x.std(axis=0)
    x /= scales

    def loss(parameters):
        u, b = parameters[:-1], parameters[-1]
        w = u / scales
        z = x @ u + b
        p = 0.5 * (1 + numpy.tanh(z / 2))
        value = numpy.mean(numpy.logaddexp(0, z) - y * z) + l2 / 2 * w @ w
        residual = (p - y) / len(y)
        return value, numpy.append(x.T @ residual + l2 * w / scales, residual.sum())

    bounds = [(None if lower == "none" else 0, None)] * x.shape[1] + [(None, None)]
    result = minimize(
        loss, numpy.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": 20000, "maxfun": 40000, "maxcor": 30, "ftol": 1e-15, "gtol": 1e-10})
    return {"loss": float(result.fun), "weights": (result.x[:-1] / scales).tolist(), "bias": float(result.x[-1])}


def adam(features, labels, columns, batch, steps, rate):
    import torch

    x, y = (torch.from_numpy(value.copy()) for value in load(features, labels, columns))
    batch = int(batch)
    head = torch.nn.Linear(x.shape[1], 1)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    optimizer = torch.optim.Adam(head.parameters(), lr=float(rate))
    loss = torch.nn.BCEWithLogitsLoss()
    position = 0
    for _ in range(int(steps)):
        rows = slice(position, position + batch)
        position = (position + batch) % len(x)
        optimizer.zero_grad()
        loss(head(x[rows])[:, 0], y[rows]).backward()
        optimizer.step()
        with torch.no_grad():
            head.weight.clamp_(min=0)
    return {"loss": 0, "weights": head.weight[0].tolist(), "bias": head.bias.item()}


def interval(successes, count, confidence):
    from scipy.stats import beta

    k, n, tail = int(successes), int(count), (1 - float(confidence)) / 2
    return [
        0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1)),
        1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k)),
    ]


if __name__ == "__main__":
    cases = {"bounded": bounded, "adam": adam, "interval": interval}
    json.dump(cases[sys.argv[1]](*sys.argv[2:]), sys.stdout)
