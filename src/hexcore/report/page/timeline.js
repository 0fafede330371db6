// The charts over time: one a device, all with the same axis and the same cursor.

// Its legend would read names as HTML, and asks for inline styles.
Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => plugin !== Dygraph.Plugins.Legend);

const timeline = {
    charts: [],      // {plot, graph, data, view, ...}
    lanes: [],       // other drawings over the same axis: {draw(area, window)}
    window: [0, 1],  // what is shown, in seconds
    whole: [0, 1],
    by: null,        // how charts are stacked, where they can be
    active: 0,       // the chart that keys are for
    stackListeners: [],  // asked to draw anew when charts are stacked another way
};

const viewOf = (chart) =>
    chart.data.views.find((view) => view.by === timeline.by) ?? chart.data.views[0];

// dygraphs stacks the last series at the bottom, where the largest should be.
const upwards = (view) => [...view.series].reverse();

/** What was in use: of what is told, some may not be resident. */
const measuredAt = (chart, row) => totalAt(chart.data.views[0], row);

const rowsOf = (chart) => {
    const series = upwards(chart.view);
    return chart.data.times.map((time, row) => [time, ...series.map((each) => each.bytes[row])]);
};

const graphLook = (chart) => ({
    colors: upwards(chart.view).map((series) => colourOf(series.name)),
    gridLineColor: styleOf("--grid"),
    axisLineColor: styleOf("--line"),
    rangeSelectorVeilColour: styleOf("--veil"),
    rangeSelectorPlotFillColor: styleOf("--line"),
    rangeSelectorPlotStrokeColor: styleOf("--quiet"),
    rangeSelectorBackgroundStrokeColor: styleOf("--line"),
    rangeSelectorForegroundStrokeColor: styleOf("--quiet"),
});

const graphData = (chart) => ({
    file: rowsOf(chart),
    labels: ["time", ...upwards(chart.view).map((_, index) => String(index))],
});

// Of processes there are samples; what is told, and a test's largest of a time, holds until the next.
const isStepped = (chart) => chart.view.by !== "process";

/** How charts over time look, and what they are of. */
const graphBase = (chart) => ({
    ...graphLook(chart),
    labels: graphData(chart).labels,
    stackedGraph: true,
    stepPlot: isStepped(chart),
    fillAlpha: 0.78,
    strokeWidth: 1,
    highlightCircleSize: 0,
    includeZero: true,
    yRangePad: 12,
    valueRange: chart.range,
    axes: {
        x: {ticker: timeTicks, axisLabelFormatter: String, drawGrid: false},
        y: {ticker: byteTicks, axisLabelFormatter: String, axisLabelWidth: 70},
    },
});

const makeGraph = (chart, isRanged) =>
    new Dygraph(chart.canvas, graphData(chart).file, {
        ...graphBase(chart),
        showRangeSelector: isRanged,
        rangeSelectorHeight: 44,
        rangeSelectorPlotFillGradientColor: "",
        rangeSelectorPlotLineWidth: 1,
        dateWindow: timeline.window,
        interactionModel: {...Dygraph.defaultInteractionModel, dblclick: showAll},
        highlightCallback: (event, time) => setCursor(time),
        unhighlightCallback: () => setCursor(null),
        drawCallback: (graph, isFirst) => {
            if (!isFirst) followWindow(graph);
            placeMarks(chart, graph);
        },
    });

let isFollowing = false;
const followWindow = (source) => {
    const [from, to] = source.xAxisRange();
    if (isFollowing || (from === timeline.window[0] && to === timeline.window[1])) return;
    showWindow(from, to, source);
};

/** Shows a part of the time, in all charts. */
const showWindow = (from, to, source = null) => {
    const [first, last] = timeline.whole;
    const width = Math.min(Math.max(to - from, (last - first) / 5000), last - first);
    const start = Math.min(Math.max(from, first), last - width);
    timeline.window = [start, start + width];
    isFollowing = true;
    for (const chart of timeline.charts) {
        if (chart.graph !== source) chart.graph.updateOptions({dateWindow: timeline.window});
    }
    isFollowing = false;
    drawLanes();
    sayWindow();
};

const sayWindow = () => {
    byId("window").textContent = timeline.window.map(formatClock).join(" to ");
};

const showAll = () => {
    isFollowing = true;
    timeline.charts.forEach((chart) => chart.graph.updateOptions({valueRange: chart.range}));
    isFollowing = false;
    showWindow(...timeline.whole);
};

const zoomBy = (factor) => {
    const [from, to] = timeline.window;
    const cursor = timeline.cursor ?? (from + to) / 2;
    const middle = cursor >= from && cursor <= to ? cursor : (from + to) / 2;
    showWindow(middle - (middle - from) * factor, middle + (to - middle) * factor);
};

const panBy = (share) => {
    const [from, to] = timeline.window;
    showWindow(from + (to - from) * share, to + (to - from) * share);
};

/** Puts the cursor at a time, or takes it away: legends are then of the peak. */
const setCursor = (time) => {
    timeline.cursor = time;
    timeline.charts.forEach((chart) => {
        fillLegend(chart);
        placeMarks(chart, chart.graph);
    });
    pointInLanes();
};

/** Moves the cursor by so many rows of the active chart, and keeps it in sight. */
const moveCursor = (rows) => {
    const chart = timeline.charts[timeline.active];
    const {times} = chart.data;
    const now = timeline.cursor === null ? chart.peakRow : nearestRow(times, timeline.cursor);
    const row = Math.min(Math.max(now + rows, 0), times.length - 1);
    setCursor(times[row]);
    keepInSight(times[row]);
};

const keepInSight = (time) => {
    const [from, to] = timeline.window;
    const width = to - from;
    if (time < from || time > to) showWindow(time - width / 2, time + width / 2);
};

const goToPeak = () => {
    const chart = timeline.charts[timeline.active];
    setCursor(chart.data.times[chart.peakRow]);
    keepInSight(timeline.cursor);
};

// A line for what there is, where what was used comes near it.
const nearLimit = 0.5;

/** Those of a chart's limits that its peak comes near to: {kind, bytes, line}. */
const limitsNear = ({limits = []}, peak) =>
    limits.filter(({bytes}) => peak >= nearLimit * bytes).map((limit) => ({
        ...limit,
        line: element("div", {class: `limit ${["budget", "limit"].includes(limit.kind) ? "firm"
                                                                                       : ""}`},
                      element("span", {}, `${limit.kind} ${formatBytes(limit.bytes)}`)),
    }));

/** Room in a chart for them; null: it is as high as what was used. */
const rangeWith = (limits, peak) => limits.length === 0 ? null
    : [0, Math.max(peak, ...limits.map(({bytes}) => bytes)) * 1.08];

const placeLimits = (chart, graph, area) => chart.limits.forEach(({bytes, line}) => {
    const y = graph.toDomYCoord(bytes);
    line.hidden = !(y >= area.y - 0.5 && y <= area.y + area.h);
    line.style.left = `${area.x}px`;
    line.style.width = `${area.w}px`;
    line.style.top = `${y}px`;
});

const placeMarks = (chart, graph, cursor = timeline.cursor) => {
    if (!graph) return;
    const area = graph.getArea();
    const {times} = chart.data;
    const place = (node, time, bytes) => {
        const x = time === null ? -1 : graph.toDomXCoord(time);
        node.hidden = !(x >= area.x - 0.5 && x <= area.x + area.w + 0.5);
        node.style.left = `${x}px`;
        if (bytes !== undefined) node.style.top = `${graph.toDomYCoord(bytes)}px`;
    };
    chart.hairline.style.top = `${area.y}px`;
    chart.hairline.style.height = `${area.h}px`;
    place(chart.hairline, cursor);
    place(chart.peak, times[chart.peakRow], measuredAt(chart, chart.peakRow));
    placeLimits(chart, graph, area);
};

const drawLanes = () => {
    const first = timeline.charts[0];
    if (first) timeline.lanes.forEach((lane) => lane.draw(first.graph.getArea(), timeline.window));
    pointInLanes();
};

const pointInLanes = () => timeline.lanes.forEach(({canvas, hairline}) => {
    const {graph} = timeline.charts[0];
    const area = graph.getArea();
    const x = timeline.cursor === null ? -1 : graph.toDomXCoord(timeline.cursor);
    hairline.hidden = !(x >= area.x - 0.5 && x <= area.x + area.w + 0.5);
    hairline.style.left = `${x}px`;
    hairline.style.height = `${canvas.clientHeight}px`;
});

const fillLegend = (chart) => {
    const atPeak = timeline.cursor === null;
    const row = atPeak ? chart.peakRow : nearestRow(chart.data.times, timeline.cursor);
    const line = (colour, name, bytes, kind) => {
        const swatch = element("div", {class: "swatch"});
        swatch.style.background = colour;
        return element("tr", {class: kind}, element("td", {}, colour ? swatch : null),
                       element("td", {class: "name", title: name}, name),
                       element("td", {}, formatBytes(bytes)));
    };
    const when = `${atPeak ? "peak, " : ""}at ${formatClock(chart.data.times[row])}`;
    chart.legend.replaceChildren(element("table", {},
        line("", when, measuredAt(chart, row), "sum"),
        ...chart.view.series.map((series) => line(colourOf(series.name), series.name,
            series.bytes[row], series.bytes[row] === 0 ? "zero" : ""))));
};

const restack = (chart) => {
    chart.view = viewOf(chart);
    isFollowing = true;
    chart.graph.updateOptions({...graphData(chart), ...graphLook(chart),
                               stepPlot: isStepped(chart)});
    isFollowing = false;
    fillLegend(chart);
};

const stackBy = (by) => {
    timeline.by = by;
    timeline.charts.forEach(restack);
    timeline.stackListeners.forEach((listener) => listener());
    document.querySelectorAll("[data-by]").forEach((button) =>
        button.setAttribute("aria-pressed", String(button.dataset.by === by)));
};

const waysToStack = () =>
    [...new Set(timeline.charts.flatMap((chart) => chart.data.views.map((view) => view.by)))];

const nextStacking = () => {
    const ways = waysToStack();
    if (ways.length > 1) stackBy(ways[(ways.indexOf(timeline.by) + 1) % ways.length]);
};

/** A chart of what decodeChart() makes, without its graph: that needs its place on the page. */
const newChart = (description) => {
    const chart = {data: description};
    chart.view = viewOf(chart);
    chart.peakRow = chart.data.peak_row;
    chart.canvas = element("div", {class: "canvas"});
    chart.hairline = element("div", {class: "hairline"});
    chart.peak = element("div", {class: "peak", title: "peak"});
    const most = measuredAt(chart, chart.peakRow);
    chart.limits = limitsNear(chart.data, most);
    chart.range = rangeWith(chart.limits, most);
    return chart;
};

const addChart = (description, index) => {
    const chart = newChart(description);
    chart.legend = element("div", {class: "legend"});
    const peak = formatBytes(measuredAt(chart, chart.peakRow));
    const plot = element("div", {
        class: index === 0 ? "plot ranged" : "plot", tabindex: "0", role: "application",
        "aria-label": `${chart.data.name} over time, peak ${peak} at ` +
            `${formatClock(chart.data.times[chart.peakRow])}; arrow keys move the cursor`,
    }, chart.canvas, ...chart.limits.map(({line}) => line), chart.hairline, chart.peak);
    plot.addEventListener("focusin", () => { timeline.active = index; });
    plot.addEventListener("mouseenter", () => { timeline.active = index; });
    byId("charts").append(element("section", {class: "card chart"},
        element("div", {class: "title"}, element("h3", {}, chart.data.name),
                element("span", {class: "quiet"}, chart.data.description)),
        element("div", {class: "body"}, plot, chart.legend)));
    timeline.charts.push(chart);
    chart.graph = makeGraph(chart, index === 0);
    fillLegend(chart);
    placeMarks(chart, chart.graph);
};

const addTimeTools = () => {
    const add = (words, title, action, attributes = {}) => {
        const button = element("button", {type: "button", title, ...attributes}, words);
        button.addEventListener("click", action);
        byId("time-tools").append(button);
    };
    const ways = waysToStack();
    if (ways.length > 1) {
        ways.forEach((by) => add(`by ${by}`, "How charts are stacked (s)", () => stackBy(by),
                                 {"data-by": by, "aria-pressed": String(by === timeline.by)}));
    }
    add("Zoom in", "Zoom in (+)", () => zoomBy(0.5));
    add("Zoom out", "Zoom out (-)", () => zoomBy(2));
    add("Whole time", "The whole time (0)", showAll);
    add("Peak", "To the peak (p)", goToPeak);
};

/** Draws charts, as decodeChart() makes them, from 0 to so many seconds. */
const drawTimeline = (charts, seconds) => {
    timeline.cursor = null;
    if (charts.length === 0) return;
    byId("time").hidden = false;
    timeline.whole = [0, Math.max(seconds, 1e-3)];
    timeline.window = timeline.whole;
    timeline.by = charts[0].views[0].by;
    charts.forEach(addChart);
    addTimeTools();
    drawLanes();
    sayWindow();
    themeListeners.push(() => {
        timeline.charts.forEach((chart) => chart.graph.updateOptions(graphLook(chart)));
        drawLanes();
    });
    addEventListener("resize", drawLanes);
};
