// What tests claimed and what they used; and what has changed since the runs before.

const claimsLook = {size: 340, edge: 64};

const isClaimed = ({claim, used}) => claim > 0 && used > 0;

/** Draws each claim as a point; gives where they are. */
const drawClaimsPlot = (canvas, claimed) => {
    const ratio = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, claimsLook.size];
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    pen.font = "12px system-ui, sans-serif";
    const all = claimed.flatMap(({claim, used}) => [claim, used]).map(Math.log2);
    const [least, most] = [Math.floor(Math.min(...all)), Math.ceil(Math.max(...all) + 0.2)];
    const toX = (bytes) => claimsLook.edge + (Math.log2(bytes) - least) / (most - least) *
        (width - claimsLook.edge - 14);
    const toY = (bytes) => height - 30 - (Math.log2(bytes) - least) / (most - least) *
        (height - 44);
    drawClaimsAxes(pen, {least, most, toX, toY, width, height});
    return claimed.map((each) => {
        const [x, y] = [toX(each.claim), toY(each.used)];
        pen.beginPath();
        pen.arc(x, y, 4, 0, 2 * Math.PI);
        pen.globalAlpha = 0.8;
        pen.fillStyle = pen.strokeStyle = lookOf(each.test.verdict).colour;
        if (each.isDeclared) pen.fill();
        else pen.stroke();
        return {each, x, y};
    });
};

const drawClaimsAxes = (pen, {least, most, toX, toY, width, height}) => {
    const step = Math.max(1, Math.ceil((most - least) / 7));
    pen.fillStyle = styleOf("--quiet");
    pen.strokeStyle = styleOf("--grid");
    for (let power = least; power <= most; power += step) {
        const [x, y] = [toX(2 ** power), toY(2 ** power)];
        pen.strokeRect(claimsLook.edge, y, width - claimsLook.edge - 14, 0);
        pen.textAlign = "right";
        pen.fillText(formatTickBytes(2 ** power), claimsLook.edge - 8, y + 4);
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
    pen.fillText("used", claimsLook.edge + 6, 26);
    pen.textAlign = "right";
    pen.fillText("claimed", width - 14, height - 36);
};

const nearestPoint = (points, {offsetX, offsetY}) => {
    const distance = ({x, y}) => Math.hypot(x - offsetX, y - offsetY);
    const best = points.reduce((a, b) => (a && distance(a) <= distance(b) ? a : b), null);
    return best && distance(best) < 14 ? best.each : null;
};

const claimWords = ({test, used, claim, isDeclared}) => `${test.id}\n${formatBytes(used)} used ` +
    `of ${formatBytes(claim)} ${isDeclared ? "declared" : "learned"}`;

const testButton = (test) => {
    const button = element("button", {type: "button", class: "name"}, ...breakable(test.id));
    button.addEventListener("click", () => showTest(test));
    return button;
};

const wastefulTable = (claimed) => {
    const wasteful = claimed.filter(({isDeclared, claim, used}) => isDeclared && claim > 2 * used)
        .sort((a, b) => (b.claim - b.used) - (a.claim - a.used));
    if (wasteful.length === 0) {
        return element("p", {class: "quiet"}, "No test declares more than twice what it used.");
    }
    const spare = wasteful.reduce((sum, {claim, used}) => sum + claim - used, 0);
    return element("div", {}, element("p", {}, `${plural(wasteful.length, "test")} declared more ` +
        `than twice what they used, ${formatBytes(spare)} in all. With smaller budgets more of ` +
        "them run at once."), listOf([
        {head: "Test", words: true, cell: ({test}) => testButton(test)},
        {head: "Declared", right: true, cell: ({claim}) => formatBytes(claim)},
        {head: "Used", right: true, cell: ({used}) => formatBytes(used)},
    ], wasteful.slice(0, 7)));
};

/** The claims on a device against their uses: {node, draw}; drawn once it has its place. */
const claimsCard = (device, claimed) => {
    const canvas = element("canvas", {class: "claims", role: "img", "aria-label":
        `Claimed against used of ${device} by each test; the list of tests has both in words`});
    let points = [];
    canvas.addEventListener("mousemove", (event) => {
        const each = nearestPoint(points, event);
        canvas.title = each ? claimWords(each) : "";
    });
    canvas.addEventListener("click", (event) => {
        const each = nearestPoint(points, event);
        if (each) showTest(each.test);
    });
    const node = element("div", {class: "card pair wide"},
        element("figure", {}, element("h3", {}, device), canvas,
            element("figcaption", {class: "quiet"},
                "● declared, ○ learned from runs before; above the line is more than was claimed")),
        wastefulTable(claimed));
    return {node, draw: () => { points = drawClaimsPlot(canvas, claimed); }};
};

const drawClaims = () => {
    const cards = [mainMemory, ...deviceNames]
        .map((device) => [device, claimsOf(device).filter(isClaimed)])
        .filter(([, claimed]) => claimed.length > 0)
        .map(([device, claimed]) => claimsCard(device, claimed));
    if (cards.length === 0) return;
    showSection("claims", "Claimed against used", ...cards.map(({node}) => node));
    const draw = () => cards.forEach((each) => each.draw());
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
const changesOf = (all, least) => all.map((each) => {
    if (each.now === null || each.history.length === 0) return null;
    const before = medianOf(each.history);
    const change = each.now - before;
    return Math.abs(change) > Math.max(0.15 * before, least) ? {...each, before, change} : null;
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

const memoryChanges = (device) => changesOf(
    claimsOf(device).map(({test, used, history}) => ({test, now: used, history})), 1 << 20);
const timeChanges = () => changesOf(tests.map((test) => ({test, now: test.seconds,
                                                          history: test.historySeconds})), 0.05);

const drawChanges = () => {
    if (!tests.some((test) => test.history.length > 0 && test.used !== null)) return;
    showSection("changes", "What has changed since the runs before",
        element("div", {class: "card pair wide"},
            changesTable("Memory", memoryChanges(mainMemory), formatBytes),
            ...deviceNames.map((device) => changesTable(device, memoryChanges(device), formatBytes)),
            changesTable("Time", timeChanges(), formatTook)));
};
