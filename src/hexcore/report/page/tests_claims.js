// What tests claimed and what they used; and what has changed since the runs before.

const claimed = tests.filter((test) => test.claim > 0 && test.used > 0);

const claimsPlot = {size: 340, edge: 64, points: []};

const drawClaimsPlot = (canvas) => {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, claimsPlot.size];
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "12px system-ui, sans-serif";
    const all = claimed.flatMap((test) => [test.claim, test.used]).map(Math.log2);
    const [least, most] = [Math.floor(Math.min(...all)), Math.ceil(Math.max(...all) + 0.2)];
    const toX = (bytes) => claimsPlot.edge + (Math.log2(bytes) - least) / (most - least) *
        (width - claimsPlot.edge - 14);
    const toY = (bytes) => height - 30 - (Math.log2(bytes) - least) / (most - least) *
        (height - 44);
    drawClaimsAxes(pen, {least, most, toX, toY, width, height});
    claimsPlot.points = claimed.map((test) => {
        const [x, y] = [toX(test.claim), toY(test.used)];
        pen.beginPath();
        pen.arc(x, y, 4, 0, 2 * Math.PI);
        pen.globalAlpha = 0.8;
        pen.fillStyle = pen.strokeStyle = lookOf(test.verdict).colour;
        if (test.isDeclared) pen.fill();
        else pen.stroke();
        return {test, x, y};
    });
};

const drawClaimsAxes = (pen, {least, most, toX, toY, width, height}) => {
    const step = Math.max(1, Math.ceil((most - least) / 7));
    pen.fillStyle = styleOf("--quiet");
    pen.strokeStyle = styleOf("--grid");
    for (let power = least; power <= most; power += step) {
        const [x, y] = [toX(2 ** power), toY(2 ** power)];
        pen.strokeRect(claimsPlot.edge, y, width - claimsPlot.edge - 14, 0);
        pen.textAlign = "right";
        pen.fillText(formatTickBytes(2 ** power), claimsPlot.edge - 8, y + 4);
        pen.textAlign = "center";
        if (x < width - 30) pen.fillText(formatTickBytes(2 ** power), x, height - 10);
    }
    pen.strokeStyle = styleOf("--quiet");
    pen.setLineDash([5, 4]);
    pen.beginPath();
    pen.moveTo(toX(2 ** least), toY(2 ** least));
    pen.lineTo(toX(2 ** most), toY(2 ** most));
    pen.stroke();
    pen.setLineDash([]);
    pen.textAlign = "left";
    pen.fillText("used", claimsPlot.edge + 6, 26);
    pen.textAlign = "right";
    pen.fillText("claimed", width - 14, height - 36);
};

const nearestPoint = ({offsetX, offsetY}) => {
    const distance = ({x, y}) => Math.hypot(x - offsetX, y - offsetY);
    const best = claimsPlot.points.reduce((a, b) => (a && distance(a) <= distance(b) ? a : b),
                                          null);
    return best && distance(best) < 14 ? best.test : null;
};

const claimWords = (test) => `${test.id}\n${formatBytes(test.used)} used of ` +
    `${formatBytes(test.claim)} ${test.isDeclared ? "declared" : "learned"}`;

const testButton = (test) => {
    const button = element("button", {type: "button", class: "name"}, ...breakable(test.id));
    button.addEventListener("click", () => showTest(test));
    return button;
};

const wastefulTable = () => {
    const wasteful = claimed.filter((test) => test.isDeclared && test.claim > 2 * test.used)
        .sort((a, b) => (b.claim - b.used) - (a.claim - a.used));
    if (wasteful.length === 0) {
        return element("p", {class: "quiet"}, "No test declares more than twice what it used.");
    }
    const spare = wasteful.reduce((sum, test) => sum + test.claim - test.used, 0);
    return element("div", {}, element("p", {}, `${plural(wasteful.length, "test")} declared more ` +
        `than twice what they used, ${formatBytes(spare)} in all. With smaller budgets more of ` +
        "them run at once."), listOf([
        {head: "Test", words: true, cell: testButton},
        {head: "Declared", right: true, cell: (test) => formatBytes(test.claim)},
        {head: "Used", right: true, cell: (test) => formatBytes(test.used)},
    ], wasteful.slice(0, 7)));
};

const drawClaims = () => {
    if (claimed.length === 0) return;
    const canvas = element("canvas", {class: "claims", role: "img", "aria-label":
        "Claimed against used memory of each test; the list of tests has both in words"});
    canvas.addEventListener("mousemove", (event) => {
        const test = nearestPoint(event);
        canvas.title = test ? claimWords(test) : "";
    });
    canvas.addEventListener("click", (event) => {
        const test = nearestPoint(event);
        if (test) showTest(test);
    });
    showSection("claims", "Claimed against used", element("div", {class: "card pair wide"},
        element("figure", {}, canvas, element("figcaption", {class: "quiet"},
            "● declared, ○ learned from runs before; above the line is more than was claimed")),
        wastefulTable()));
    const draw = () => drawClaimsPlot(canvas);
    draw();
    addEventListener("resize", draw);
    themeListeners.push(draw);
};

const medianOf = (all) => {
    const sorted = [...all].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/** Those of which the median of the runs before was something else, the largest change first. */
const changesOf = (nowOf, historyOf, least) => tests.map((test) => {
    const [now, history] = [nowOf(test), historyOf(test)];
    if (now === null || history.length === 0) return null;
    const before = medianOf(history);
    const change = now - before;
    return Math.abs(change) > Math.max(0.15 * before, least) ? {test, now, before, change, history}
                                                             : null;
}).filter(Boolean).sort((a, b) => Math.abs(b.change) - Math.abs(a.change));

const changesTable = (heading, changes, format) => element("div", {}, element("h3", {}, heading),
    changes.length === 0
        ? element("p", {class: "quiet"}, "No test changed by more than 15 %.")
        : listOf([
            {head: "Test", words: true, cell: ({test}) => testButton(test)},
            {head: "Before", right: true, cell: ({before}) => format(before)},
            {head: "Now", right: true, cell: ({now}) => format(now)},
            {head: "Change", right: true, cell: ({change}) => element("span",
                {class: change > 0 ? "more" : "less"},
                `${change > 0 ? "+" : "-"}${format(Math.abs(change))}`)},
            {head: "Trend", cell: ({history, now}) => trendLine(history, now, format) ?? ""},
        ], changes.slice(0, 8)));

const drawChanges = () => {
    if (!tests.some((test) => test.history.length > 0 && test.used !== null)) return;
    showSection("changes", "What has changed since the runs before",
        element("div", {class: "card pair wide"},
            changesTable("Memory", changesOf((test) => test.used, (test) => test.history, 1 << 20),
                         formatBytes),
            changesTable("Time", changesOf((test) => test.seconds, (test) => test.historySeconds,
                                           0.05), formatTook)));
};
