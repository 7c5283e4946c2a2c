"""metrics_reference.py CASES: what scikit-learn says about scores.

CASES holds a JSON list of objects with `scores` (logits), `labels` (1 = fake) and `threshold` (of the probability). Prints a
JSON list of objects with the names of our metrics; what scikit-learn does not define is null.
"""
import json
import sys
import warnings

import numpy
from scipy.special import expit
from sklearn import metrics

warnings.simplefilter("ignore")


def evaluate(case):
    scores, labels = numpy.array(case["scores"], float), numpy.array(case["labels"], int)
    verdicts = (expit(scores) >= case["threshold"]).astype(int)
    both = len(set(labels.tolist())) == 2
    result = {"accuracy": metrics.accuracy_score(labels, verdicts)}
    cuts = numpy.concatenate([numpy.unique(scores), [numpy.inf]])
    result["oracleAccuracy"] = max(metrics.accuracy_score(labels, scores >= cut) for cut in cuts)
    matrix = metrics.confusion_matrix(labels, verdicts, labels=[0, 1])
    if (labels == 0).any():
        result["falsePositiveRate"] = matrix[0, 1] / matrix[0].sum()
    if (labels == 1).any():
        result["falseNegativeRate"] = matrix[1, 0] / matrix[1].sum()
    if both:
        result["averagePrecision"] = metrics.average_precision_score(labels, scores)
        result["rocAUC"] = metrics.roc_auc_score(labels, scores)
        result["balancedAccuracy"] = metrics.balanced_accuracy_score(labels, verdicts)
        alarms, found, _ = metrics.roc_curve(labels, scores, drop_intermediate=False)
        for name, rate in ("detectionAt10Percent", 0.1), ("detectionAt5Percent", 0.05), ("detectionAt1Percent", 0.01):
            result[name] = found[alarms <= rate].max()
        result["roc"] = [alarms.tolist(), found.tolist()]
        precision, recall, _ = metrics.precision_recall_curve(labels, scores)
        result["precisionRecall"] = [recall.tolist(), precision.tolist()]
    return result


print(json.dumps([evaluate(case) for case in json.load(open(sys.argv[1]))]))
