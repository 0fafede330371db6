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
    clean: {words: "clean", kind: "good", colour: "#3fb58f"},
    kept: {words: "kept", kind: "warn", colour: "#d9bf3f"},
    leak: {words: "leak", kind: "bad", colour: "#e5675e"},
    residue: {words: "residue", kind: "warn", colour: "#f2a33a"},
    unattributable: {words: "unattributable", kind: "warn", colour: "#98a2ae"},
};

const lookOf = (verdict) => verdictLooks[verdict];
const testPill = (verdict) =>
    element("span", {class: `pill ${lookOf(verdict).kind}`}, lookOf(verdict).words);
const memoryPill = (verdict) =>
    element("span", {class: `pill ${memoryLooks[verdict].kind}`}, memoryLooks[verdict].words);

const mainMemory = "main memory";

const decodeUse = ({name, peak_kib: peak, times_ms: times = [], kib = []}) => ({
    device: name, peak: peak * 1024, times: summedUp(times, 1e-3), bytes: summedUp(kib, 1024)});

/** Its `uses` are of main memory and of each device that it had anything of. */
const decodeAttempt = (attempt) => ({
    ...attempt,
    verdict: data.verdicts[attempt.verdict],
    start: attempt.start_us / 1e6,
    seconds: attempt.duration_us / 1e6,
    uses: [{...attempt, name: mainMemory}, ...(attempt.devices ?? [])].map(decodeUse),
});

const useOf = ({uses}, device) => uses.find((use) => use.device === device);

/** What it claimed of a device, took in its last attempt, and took in the runs before. */
const decodeClaim = (device, claim, last) => ({
    device,
    used: last ? useOf(last, device)?.peak ?? 0 : null,
    claim: claim.budget_bytes ?? claim.learned_bytes ?? null,
    isDeclared: claim.budget_bytes !== undefined,
    history: (claim.history_kib ?? []).map((kib) => kib * 1024),
});

/** The same of each device that it used or meant to. */
const decodeClaims = (claims, last) => {
    const names = [...claims, ...(last?.devices ?? [])].map(({name}) => name);
    return [...new Set(names)].map((device) =>
        decodeClaim(device, claims.find(({name}) => name === device) ?? {}, last));
};

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
        ...decodeClaim(mainMemory, test, last),
        devices: decodeClaims(test.devices ?? [], last),
        seconds: last ? last.seconds : null,
        historySeconds: (test.history_ms ?? []).map((ms) => ms / 1e3),
    };
};

const tests = data.tests.map(decodeTest);

/** Of devices that tests used or meant to; those of the machine first. */
const deviceNames = [...new Set([...data.machine.devices.map(({name}) => name),
                                 ...tests.flatMap((test) => test.devices.map(each => each.device))])]
    .filter((name) => tests.some((test) => test.devices.some(({device}) => device === name)));

/** Each test's claim and use of a device, where it has any. */
const claimsOf = (device) => tests.flatMap((test) =>
    (device === mainMemory ? [test] : test.devices.filter((each) => each.device === device))
        .map((each) => ({...each, test})));

const plural = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

/** "0.42 s" of something that took so long. */
const formatTook = (seconds) => seconds < 0.0995 ? `${(seconds * 1e3).toFixed(1)} ms`
                                                 : formatClock(seconds);

/** How many tests there are of each value of `what`, in the order of `names`. */
const countsOf = (what, names) => names
    .map((name) => [name, tests.filter((test) => test[what] === name).length])
    .filter(([, count]) => count > 0);

colourOf(mainMemory);  // the first of the palette for each test's own
