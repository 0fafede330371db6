// The tests out of the page's data: sums for differences, and what a verdict looks like.

const verdictLooks = {
    passed: {words: "passed", kind: "good", colour: "#3fb58f"},
    failed: {words: "failed", kind: "bad", colour: "#e5675e"},
    crashed: {words: "crashed", kind: "bad", colour: "#d56aa6"},
    timed_out: {words: "timed out", kind: "bad", colour: "#f2a33a"},
    over_budget: {words: "over budget", kind: "bad", colour: "#a67be8"},
    postponed: {words: "postponed", kind: "bad", colour: "#c3cad3"},
    flaky: {words: "flaky", kind: "warn", colour: "#d9bf3f"},
    flaky_memory: {words: "flaky (memory)", kind: "warn", colour: "#b98a63"},
    skipped: {words: "skipped", kind: "", colour: "#98a2ae"},
};
const memoryLooks = {
    clean: {words: "clean", kind: "good"},
    kept: {words: "kept", kind: "warn"},
    residue: {words: "residue", kind: "warn"},
};

const lookOf = (verdict) => verdictLooks[verdict];
const testPill = (verdict) =>
    element("span", {class: `pill ${lookOf(verdict).kind}`}, lookOf(verdict).words);
const memoryPill = (verdict) =>
    element("span", {class: `pill ${memoryLooks[verdict].kind}`}, memoryLooks[verdict].words);

const decodeAttempt = (attempt) => ({
    ...attempt,
    verdict: data.verdicts[attempt.verdict],
    start: attempt.start_us / 1e6,
    seconds: attempt.duration_us / 1e6,
    peak: attempt.peak_kib * 1024,
    times: summedUp(attempt.times_ms ?? [], 1e-3),
    bytes: summedUp(attempt.kib ?? [], 1024),
});

const decodeTest = (test, number) => {
    const attempts = (test.attempts ?? []).map(decodeAttempt);
    const last = attempts.at(-1);
    return {
        ...test, number, attempts,
        id: test.id || "(no name)",
        verdict: data.verdicts[test.verdict],
        isFailure: data.failures[test.verdict],
        memory: data.memory_verdicts[test.memory ?? 0],
        group: data.groups[test.group],
        kept: test.kept_bytes ?? 0,
        used: last ? last.peak : null,
        seconds: last ? last.seconds : null,
        claim: test.budget_bytes ?? test.learned_bytes ?? null,
        isDeclared: test.budget_bytes !== undefined,
        history: (test.history_kib ?? []).map((kib) => kib * 1024),
        historySeconds: (test.history_ms ?? []).map((ms) => ms / 1e3),
    };
};

const tests = data.tests.map(decodeTest);

const plural = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

/** "0.42 s" of something that took so long. */
const formatTook = (seconds) => seconds < 0.0995 ? `${(seconds * 1e3).toFixed(1)} ms`
                                                 : formatClock(seconds);

/** How many tests there are of each value of `what`, in the order of `names`. */
const countsOf = (what, names) => names
    .map((name) => [name, tests.filter((test) => test[what] === name).length])
    .filter(([, count]) => count > 0);

colourOf("memory");  // the first of the palette for each test's own
