// All that is known of one test: each attempt's memory against its budget, why it failed, output.

const openCurves = new Set();
themeListeners.push(() => openCurves.forEach(({chart}) => chart.graph.updateOptions(
    graphLook(chart))));

const curveChart = (test, attempt) => newChart({
    name: test.id, times: [...attempt.times, attempt.seconds],
    views: [{by: "test", series: [{name: "memory",
                                   bytes: [...attempt.bytes, attempt.bytes.at(-1)]}]}],
    peak_row: attempt.bytes.indexOf(Math.max(...attempt.bytes)),
    limits: test.claim ? [{kind: test.isDeclared ? "budget" : "learned", bytes: test.claim}] : [],
});

/** The memory of an attempt over its time: {node, draw, forget}; drawn once it has its place. */
const curveOf = (test, attempt) => {
    if (attempt.bytes.length < 2) return null;
    const chart = curveChart(test, attempt);
    const where = element("span", {class: "quiet number"});
    const say = (row) => {
        where.textContent = `${formatBytes(chart.view.series[0].bytes[row])} at ` +
            formatTook(chart.data.times[row]);
    };
    const node = element("div", {class: "curve"}, where, element("div", {
        class: "plot", role: "img", "aria-label":
            `Memory over time, most ${formatBytes(attempt.peak)}`,
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
    test.timeout_ms && `may take ${formatTook(test.timeout_ms / 1e3)}`,
    ...(test.tags ?? []).map((tag) => `tag ${tag}`),
].filter(Boolean);

const breachOf = ({device, limit_bytes: limit, used_bytes: used, requested_bytes: asked, owners}) =>
    element("div", {class: "breach"},
        element("p", {}, `${device}: ${formatBytes(used)} in use, budget ${formatBytes(limit)}` +
            (asked ? `; ${formatBytes(asked)} more were asked for` : "")),
        owners.length > 0 && listOf([
            {head: "Held by", words: true, cell: (owner) => owner.name || "a process"},
            {head: "Pid", right: true, cell: (owner) => String(owner.pid)},
            {head: "Bytes", right: true, cell: (owner) => formatBytes(owner.bytes)},
        ], owners));

const residuesOf = (residues) => listOf([
    {head: "Left behind", words: true, cell: (residue) => `${residue.kind} ${residue.name}`},
    {head: "Pid", right: true, cell: (residue) => residue.pid ? String(residue.pid) : ""},
    {head: "Bytes", right: true, cell: (residue) => formatBytes(residue.bytes)},
    {head: "", cell: (residue) => residue.gone ? "removed" : "still there"},
], residues);

const attemptWords = (attempt, number, count) => [
    count > 1 ? `Attempt ${number + 1} of ${count}` : "It", `took ${formatTook(attempt.seconds)}`,
    `from ${formatClock(attempt.start)} in slot ${attempt.slot + 1},`,
    `at most ${formatBytes(attempt.peak)}`,
    ...(attempt.devices ?? []).map(({name, peak_bytes: peak}) =>
        `and ${formatBytes(peak)} of ${name}`),
].join(" ") + (attempt.alone ? "; nothing else ran beside it" : "");

const attemptOf = (attempt, number, count, curve) => element("section", {class: "attempt"},
    element("p", {}, testPill(attempt.verdict), " ", attemptWords(attempt, number, count)),
    attempt.reason && element("pre", {class: "reason"}, attempt.reason),
    curve?.node,
    attempt.breach && breachOf(attempt.breach),
    attempt.residues?.length > 0 && residuesOf(attempt.residues),
    attempt.output && element("details", {class: "output", ...(attempt.reason ? {open: ""} : {})},
        element("summary", {}, "Output"), element("pre", {}, attempt.output)));

/** {node, draw, forget}: `draw` once it is on the page, `forget` before it is taken away. */
const detailsOf = (test) => {
    const curves = test.attempts.map((attempt) => curveOf(test, attempt));
    const node = element("div", {class: "details"},
        element("p", {class: "quiet"}, factsOf(test).join(" · ")),
        test.attempts.length === 0 && element("p", {}, test.reason ?? "It did not run."),
        ...test.attempts.map((attempt, number) =>
            attemptOf(attempt, number, test.attempts.length, curves[number])));
    const drawn = curves.filter(Boolean);
    return {
        node,
        draw: () => drawn.forEach((curve) => { curve.draw(); openCurves.add(curve); }),
        forget: () => drawn.forEach((curve) => {
            openCurves.delete(curve);
            curve.chart.graph.destroy();
        }),
    };
};
