"""Whether memory and time stayed as they were.

Samples are taken after every hundred queries, when nothing is being answered. A line is fitted to
those behind the first fifth, and behind the first thousand, by least squares; the upper bound of
its slope is that of the 95 % confidence interval. Neighbouring samples are alike, so their number
is reduced by the correlation r of one residual with the next: n (1 - r) / (1 + r), at least 7.
"""

import math
import statistics
from typing import NamedTuple

MEMORY_MOST_PER_QUERY = 1024
TIME_MOST = 0.03
THOUSAND = 1000
QUERIES_LEAST = 4000  # fewer say nothing of memory, and do not ask all questions each thousand


class Sample(NamedTuple):
    queries: int
    resident_bytes: int
    accounted_bytes: int  # devices, and parked sessions in memory and files
    cpu_s: float
    tokens: int           # computed


class Slope(NamedTuple):
    value: float
    upper: float


def slope(points):
    """Of (x, y)."""
    xs, ys = zip(*points)
    line = statistics.linear_regression(xs, ys)
    residuals = [y - line.intercept - line.slope * x for x, y in points]
    squares = sum(one * one for one in residuals)
    if squares == 0:
        return Slope(line.slope, line.slope)
    r = sum(a * b for a, b in zip(residuals, residuals[1:])) / squares
    n = len(points)
    independent = max(7.0, n * (1 - r) / (1 + r)) if r > 0 else n
    mean = statistics.fmean(xs)
    spread = sum((x - mean) ** 2 for x in xs) / n
    error = math.sqrt(squares / n / spread / (independent - 2))
    return Slope(line.slope, line.slope + student_975(independent - 2) * error)


def student_975(freedom):
    """The quantile of Student's distribution, by its expansion about the normal one: within 1 %
    from 5 degrees of freedom on."""
    z = statistics.NormalDist().inv_cdf(0.975)
    first, second = (z ** 3 + z) / 4, (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96
    return z + first / freedom + second / freedom ** 2


def after_warm_up(samples):
    begin = max(THOUSAND, samples[-1].queries / 5)
    return [sample for sample in samples if sample.queries >= begin]


def memory_slopes(samples):
    """{what: Slope} in bytes a query, of resident and of accounted memory."""
    judged = after_warm_up(samples)
    return {what: slope([(sample.queries, getattr(sample, f"{what}_bytes")) for sample in judged])
            for what in ("resident", "accounted")}


def cpu_ms_per_token(samples, begin, end):
    """Between so many queries and so many."""
    by_queries = {sample.queries: sample for sample in samples}
    first, last = by_queries[begin], by_queries[end]
    return (last.cpu_s - first.cpu_s) / (last.tokens - first.tokens) * 1000


def cpu_of_thousands(samples):
    """Milliseconds a token of the second thousand queries and of the last."""
    end = samples[-1].queries
    return (cpu_ms_per_token(samples, THOUSAND, 2 * THOUSAND),
            cpu_ms_per_token(samples, end - THOUSAND, end))


def judged_memory_and_time(samples):
    """(figures, {what: passed, or a sentence that says why not judged})."""
    queries = samples[-1].queries
    if queries < QUERIES_LEAST:
        why = f"not judged: {queries} queries, and it takes {QUERIES_LEAST}"
        return {}, {"resident memory": why, "accounted memory": why, "time": why}
    figures, verdicts = {}, {}
    for what, found in memory_slopes(samples).items():
        figures[f"{what}_bytes_per_query"] = round(found.value, 1)
        figures[f"{what}_bytes_per_query_upper"] = round(found.upper, 1)
        verdicts[f"{what} memory"] = found.upper < MEMORY_MOST_PER_QUERY
    second, last = cpu_of_thousands(samples)
    figures["cpu_ms_per_token_second_thousand"] = round(second, 3)
    figures["cpu_ms_per_token_last_thousand"] = round(last, 3)
    figures["cpu_last_over_second_thousand_ratio"] = round(last / second, 4)
    verdicts["time"] = last / second < 1 + TIME_MOST
    return figures, verdicts
