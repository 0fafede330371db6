// What ran when: the memory of all tests together, and a row of bands for each slot.

const binCount = 1200;
const wholeSeconds = Math.max(data.run.duration_ms / 1e3, 1e-3);

/** Of each slot and each part of the time the test that had most of a device, and how much. */
const largestBySlot = (device) => {
    const slots = new Map();
    for (const test of tests) {
        for (const attempt of test.attempts) {
            const use = useOf(attempt, device);
            if (!use) continue;
            if (!slots.has(attempt.slot)) {
                slots.set(attempt.slot, {bytes: new Float64Array(binCount),
                                         tests: new Array(binCount)});
            }
            putInto(slots.get(attempt.slot), test, attempt, use);
        }
    }
    return slots;
};

const putInto = (slot, test, attempt, use) => {
    const width = wholeSeconds / binCount;
    const binOf = (time) => Math.min(Math.max(Math.floor(time / width), 0), binCount - 1);
    const [times, all] = use.times.length > 0 ? [use.times, use.bytes] : [[0], [use.peak]];
    times.forEach((time, i) => {
        const last = binOf(attempt.start + (times[i + 1] ?? attempt.seconds));
        for (let bin = binOf(attempt.start + time); bin <= last; ++bin) {
            if (all[i] > slot.bytes[bin]) {
                slot.bytes[bin] = all[i];
                slot.tests[bin] = test;
            }
        }
    });
};

/** The series of a way of stacking: the eight with most, and the rest. */
const stackedBy = (slots, by, nameOf) => {
    const sums = new Map();
    for (const slot of slots.values()) {
        for (let bin = 0; bin < binCount; ++bin) {
            if (!slot.tests[bin]) continue;
            const name = nameOf(slot.tests[bin]);
            if (!sums.has(name)) sums.set(name, new Float64Array(binCount));
            sums.get(name)[bin] += slot.bytes[bin];
        }
    }
    const most = (bytes) => bytes.reduce((a, b) => Math.max(a, b), 0);
    const order = [...sums].map(([name, bytes]) => ({name, bytes, most: most(bytes)}))
        .sort((a, b) => b.most - a.most);
    const series = order.slice(0, 8);
    const rest = new Float64Array(binCount);
    for (const {bytes} of order.slice(8)) bytes.forEach((each, bin) => { rest[bin] += each; });
    if (order.length > 8) series.push({name: "all others", bytes: rest});
    return {by, series};
};

/** A chart of what all tests had of a device; null: nothing. */
const chartOfAll = (name, size) => {
    const slots = largestBySlot(name);
    if (slots.size === 0) return null;
    const views = [stackedBy(slots, "test", (test) => test.id)];
    if (data.groups.length > 1) views.unshift(stackedBy(slots, "group", (test) => test.group));
    const times = Array.from({length: binCount}, (_, bin) => (bin + 0.5) * wholeSeconds / binCount);
    const totals = times.map((_, bin) => totalAt(views[0], bin));
    const peakRow = totals.indexOf(Math.max(...totals));
    return {name, size, description: "of all tests that ran at once", times, views,
            peak_row: peakRow, most: totals[peakRow],
            limits: size > 0 ? [{kind: "size", bytes: size}] : []};
};

const sizeOf = (device) => data.machine.devices.find(({name}) => name === device)?.total_bytes ?? 0;
const chartsOfAll = [chartOfAll(mainMemory, data.machine.memory_bytes),
                     ...deviceNames.map((name) => chartOfAll(name, sizeOf(name)))].filter(Boolean);

/** "test_counts" of "test_cache.py::test_counts": bands are short. */
const nameInGroup = ({id, group}) =>
    group && id.startsWith(group) ? id.slice(group.length).replace(/^[.:/]+/, "") || id : id;

const drawSlots = () => {
    const bands = tests.flatMap((test) => test.attempts.map((attempt) => ({
        test, attempt, name: nameInGroup(test), depth: attempt.slot, from: attempt.start,
        to: attempt.start + attempt.seconds, colour: lookOf(attempt.verdict).colour})));
    const depth = bands.reduce((most, band) => Math.max(most, band.depth), 0) + 1;
    const lane = makeLane({
        bands, depth, bandHeight: Math.min(Math.max(Math.floor(320 / depth) - 2, 4), 20),
        rowName: (slot) => depth === 1 ? "" : `slot ${slot + 1}`,
        words: "What ran when, a row for each slot; the list of tests has it in words",
        onHover: ({test, attempt}) => `${test.id}\n${lookOf(attempt.verdict).words}, ` +
            `${formatTook(attempt.seconds)} from ${formatClock(attempt.start)}, ` +
            attempt.uses.map(({device, peak}) => `${formatBytes(peak)} of ${device}`).join(", "),
    });
    lane.canvas.addEventListener("click", (event) => {
        const band = lane.bandAt(event);
        if (band) showTest(band.test);
    });
    const verdicts = data.verdicts.filter((verdict) =>
        bands.some((band) => band.attempt.verdict === verdict));
    addLane(lane, keyOfColours(verdicts.map((verdict) =>
        [lookOf(verdict).words, lookOf(verdict).colour])));
    drawLanes();
};

const drawTime = () => {
    if (chartsOfAll.length === 0) return;
    drawTimeline(chartsOfAll, wholeSeconds);
    drawSlots();
};
