// All that is known of one test: each attempt's memory against its budget, why it failed, output.

const openCurves = new Set();
themeListeners.push(() => openCurves.forEach(({chart}) => chart.graph.updateOptions(
    graphLook(chart))));

const curveChart = ({claim, isDeclared}, {device, times, bytes}, seconds) => newChart({
    name: device, times: [...times, seconds],
    views: [{by: "test", series: [{name: device, bytes: [...bytes, bytes.at(-1)]}]}],
    peak_row: bytes.indexOf(Math.max(...bytes)),
    limits: claim ? [{kind: isDeclared ? "budget" : "learned", bytes: claim}] : [],
});

const claimOn = (test, device) => device === mainMemory
    ? test : test.devices.find((each) => each.device === device);

/** What an attempt had of a device over its time: {node, draw}; drawn once it has its place. */
const curveOf = (test, attempt, use) => {
    if (use.bytes.length < 2) return null;
    const chart = curveChart(claimOn(test, use.device), use, attempt.seconds);
    const where = element("span", {class: "quiet number"});
    const say = (row) => {
        const bytes = formatBytes(chart.view.series[0].bytes[row]);
        where.textContent = `${bytes} of ${use.device} at ${formatTook(chart.data.times[row])}`;
    };
    const node = element("div", {class: "curve"}, where, element("div", {
        class: "plot", role: "img", "aria-label":
            `Memory over time of ${use.device}, most ${formatBytes(use.peak)}`,
    }, chart.canvas, ...chart.limits.map(({line}) => line), chart.hairline, chart.peak));
    const point = (row) => {
        say(row ?? chart.peakRow);
        placeMarks(chart, chart.graph, row === null ? null : chart.data.times[row]);
    };
    const whole = {dateWindow: [0, Math.max(attempt.seconds, 1e-3)], valueRange: chart.range};
    const draw = () => {
        chart.graph = new Dygraph(chart.canvas, graphData(chart).file, {
            ...graphBase(chart),
            ...whole,
            interactionModel: {...Dygraph.defaultInteractionModel,
                               dblclick: (event, graph) => graph.updateOptions(whole)},
            highlightCallback: (event, time, points, row) => point(row),
            unhighlightCallback: () => point(null),
            drawCallback: (graph) => placeMarks(chart, graph, null),
        });
        point(null);
    };
    return {node, chart, draw};
};

const factsOf = (test) => [
    test.file && `${test.file}${test.line ? `:${test.line}` : ""}`,
    test.group && `of ${test.group}`,
    test.budget_bytes !== undefined && `budget ${formatBytes(test.budget_bytes)}`,
    test.learned_bytes !== undefined && `learned ${formatBytes(test.learned_bytes)}`,
    ...test.devices.map(({device, claim, isDeclared}) => claim &&
        `${isDeclared ? "budget" : "learned"} ${formatBytes(claim)} of ${device}`),
    test.timeout_ms && `may take ${formatTook(test.timeout_ms / 1e3)}`,
    ...(test.tags ?? []).map((tag) => `tag ${tag}`),
].filter(Boolean);

const breachOf = ({device, limit_bytes: limit, used_bytes: used, owners}) =>
    element("div", {class: "breach"},
        element("p", {}, `${device}: ${formatBytes(used)} in use, budget ${formatBytes(limit)}`),
        owners.length > 0 && listOf([
            {head: "Held by", words: true, cell: (owner) => owner.name || "a process"},
            {head: "Pid", right: true, cell: (owner) => String(owner.pid)},
            {head: "Bytes", right: true, cell: (owner) => formatBytes(owner.bytes)},
        ], owners));

const residuesOf = (residues) => listOf([
    {head: "Left behind", words: true, cell: (residue) => `${inWords(residue.kind)} ${residue.name}`},
    {head: "Pid", right: true, cell: (residue) => residue.pid ? String(residue.pid) : ""},
    {head: "Bytes", right: true, cell: (residue) => formatBytes(residue.bytes)},
    {head: "", cell: (residue) => residue.gone ? "removed" : "still there"},
], residues);

/** Where it crashed, innermost first, or why that is not known. */
const stackOf = ({frames, note}) => element("div", {class: "stack"},
    frames.length > 0 && element("ol", {"aria-label": "Where it crashed, innermost first"},
        ...frames.map(({name, own}) => element("li", {class: own ? "" : "quiet"},
                                               ...breakable(name)))),
    note && element("p", {class: "quiet"}, note));

/** What repeats of the test said of each device. */
const growthOf = (growth) => listOf([
    {head: "Repeats", right: true, cell: ({repeats}) => String(repeats)},
    {head: "Device", words: true, cell: ({device}) => device},
    {head: "Verdict", cell: ({verdict}) => element("span",
        {class: `pill ${verdict === "leak" ? "bad" : ""}`}, inWords(verdict))},
    {head: "A repeat", right: true, cell: ({bytes_per_repeat: bytes}) =>
        `${bytes > 0 ? "+" : ""}${formatBytes(bytes)}`},
    {head: "Why", words: true, cell: ({why}) => why ?? ""},
], growth);

const attemptWords = (attempt, number, count) => [
    count > 1 ? `Attempt ${number + 1} of ${count}` : "It", `took ${formatTook(attempt.seconds)}`,
    `from ${formatClock(attempt.start)} in slot ${attempt.slot + 1},`,
    `at most ${formatBytes(attempt.uses[0].peak)}`,
    ...attempt.uses.slice(1).map(({device, peak}) => `and ${formatBytes(peak)} of ${device}`),
].join(" ") + (attempt.alone ? "; nothing else ran beside it" : "");

const attemptOf = (attempt, number, count, curves) => element("section", {class: "attempt"},
    element("p", {}, testPill(attempt.verdict), " ", attemptWords(attempt, number, count)),
    attempt.reason && element("pre", {class: "reason"}, attempt.reason),
    attempt.stack && stackOf(attempt.stack),
    ...curves.map(({node}) => node),
    attempt.growth?.length > 0 && growthOf(attempt.growth),
    attempt.breach && breachOf(attempt.breach),
    attempt.residues?.length > 0 && residuesOf(attempt.residues),
    attempt.output && element("details", {class: "output", ...(attempt.reason ? {open: ""} : {})},
        element("summary", {}, "Output"), element("pre", {}, attempt.output)));

/** {node, draw, forget}: `draw` once it is on the page, `forget` before it is taken away. */
const detailsOf = (test) => {
    const curves = test.attempts.map((attempt) =>
        attempt.uses.map((use) => curveOf(test, attempt, use)).filter(Boolean));
    const node = element("div", {class: "details"},
        element("p", {class: "quiet"}, factsOf(test).join(" · ")),
        test.attempts.length === 0 && element("p", {}, test.reason ?? "It did not run."),
        test.left_by && element("p", {}, `Something was ${test.left_by}`),
        ...test.attempts.map((attempt, number) =>
            attemptOf(attempt, number, test.attempts.length, curves[number])));
    const drawn = curves.flat();
    return {
        node,
        draw: () => drawn.forEach((curve) => { curve.draw(); openCurves.add(curve); }),
        forget: () => drawn.forEach((curve) => {
            openCurves.delete(curve);
            curve.chart.graph.destroy();
        }),
    };
};
