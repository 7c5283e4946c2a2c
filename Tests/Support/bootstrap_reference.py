"""bootstrap_reference.py CASES: what SciPy's bootstrap says about scores.

CASES holds a JSON list of objects with `generators` (lists of logits of fake images), `reals`, `confidence` and `resamples`.
Prints a JSON list of objects: for each of our metrics' names the percentile interval of the mean over the generators, and
its standard error. Every sample is drawn again by itself; all generators meet the same real images.
"""
import json
import sys

import numpy
from scipy.stats import bootstrap
from sklearn import metrics

case_metrics = {"averagePrecision": metrics.average_precision_score, "rocAUC": metrics.roc_auc_score}


def interval(case, metric):
    def mean(*samples):
        *generators, reals = samples
        return numpy.mean([
            metric(numpy.repeat([1, 0], [len(fakes), len(reals)]), numpy.concatenate([fakes, reals]))
            for fakes in generators])

    samples = [numpy.array(sample) for sample in case["generators"] + [case["reals"]]]
    result = bootstrap(
        samples, mean, vectorized=False, paired=False, method="percentile", n_resamples=case["resamples"],
        confidence_level=case["confidence"], random_state=1)
    return [result.confidence_interval.low, result.confidence_interval.high, result.standard_error]


print(json.dumps([
    {name: interval(case, metric) for name, metric in case_metrics.items()} for case in json.load(open(sys.argv[1]))]))
