"""Schedules of tests that each take a time, a core and some memory: the best that search finds."""

import random


def makespan(order, tests, cores, memory):
    """The time that the tests take, each started as soon as it is the first in the order of those
    that fit, by list scheduling."""
    waiting, running, now = list(order), [], 0.0
    free_cores, free_memory = cores, memory
    while waiting or running:
        for test in list(waiting):
            time, size = tests[test]
            if free_cores and size <= free_memory:
                waiting.remove(test)
                running.append((now + time, size))
                free_cores, free_memory = free_cores - 1, free_memory - size
            if not free_cores:
                break
        running.sort()
        now, size = running.pop(0)
        free_cores, free_memory = free_cores + 1, free_memory + size
    return now


def lower_bound(tests, cores, memory):
    """No schedule is shorter: the work by cores, by memory, and of those no two of which fit."""
    return max(sum(time for time, _ in tests) / cores,
               sum(time * size for time, size in tests) / memory,
               sum(time for time, size in tests if size > memory / 2),
               max(time for time, _ in tests))


def best(tests, cores, memory, tries=4000, seed=1):
    """The shortest that was found, from the usual orders on, by swaps that make none longer."""
    rng = random.Random(seed)
    numbers = range(len(tests))
    starts = [sorted(numbers, key=key) for key in (
        lambda n: -tests[n][0], lambda n: -tests[n][1], lambda n: -tests[n][0] * tests[n][1],
        lambda n: (tests[n][1] <= memory / 2, -tests[n][0]))]
    found, length = min(((order, makespan(order, tests, cores, memory)) for order in starts),
                        key=lambda pair: pair[1])
    bound = lower_bound(tests, cores, memory)
    for _ in range(tries):
        if length <= bound * 1.001:
            break
        order = list(found)
        first, second = rng.randrange(len(order)), rng.randrange(len(order))
        order.insert(second, order.pop(first))
        shorter = makespan(order, tests, cores, memory)
        if shorter <= length:
            found, length = order, shorter
    return length
