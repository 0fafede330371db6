"""A covering selection: every two settings meet in some case, without trying all combinations."""

import itertools


def pairs_of(case):
    """Every two settings of a case, each ((factor, value), (factor, value))."""
    return set(itertools.combinations(sorted(case.items()), 2))


def all_pairs(factors, allowed=lambda case: True):
    """Every two values of different factors that are allowed together."""
    pairs = {((a, x), (b, y)) for a, b in itertools.combinations(sorted(factors), 2)
             for x in factors[a] for y in factors[b]}
    return {pair for pair in pairs if allowed(dict(pair))}


def pairwise(factors, allowed=lambda case: True):
    """Few cases (a dict each) that hold every allowed pair of values of {factor: [values]}.

    `allowed` is asked about cases that are not yet complete, too; it rules out pairs of values.

    Greedy: a case begins with a pair that is missing, and each further factor takes the value that
    adds most missing pairs; ties go round, so that values are used about equally often. The same
    factors give the same cases. Values must be hashable and, within a factor, distinct.
    """
    missing = dict.fromkeys(sorted(all_pairs(factors, allowed), key=repr))
    used = {(factor, value): 0 for factor, values in factors.items() for value in values}
    cases = []
    while missing:
        case = dict(next(iter(missing)))
        for factor, values in factors.items():
            if factor not in case:
                possible = [value for value in values if allowed(case | {factor: value})]
                case[factor] = max(possible, key=lambda value: (
                    sum(pair in missing for pair in pairs_of(case | {factor: value})),
                    -used[factor, value]))
        for pair in pairs_of(case):
            missing.pop(pair, None)
        for setting in case.items():
            used[setting] += 1
        cases.append({factor: case[factor] for factor in factors})
    return cases
