// What the program said it was doing: a lane of bands for each thread, and marks across them.

const bandHeight = 20;

const makeLane = (bands, depth) => {
    const canvas = element("canvas", {class: "lane", role: "img", "aria-label":
        "Labels over time; the table of labels has them in words"});
    const height = (depth + 1) * (bandHeight + 2) + 4;
    canvas.style.height = `${height}px`;
    const lane = {canvas, shown: []};
    lane.draw = (area, [from, to]) => {
        const ratio = devicePixelRatio || 1;
        canvas.width = canvas.clientWidth * ratio;
        canvas.height = height * ratio;
        const pen = canvas.getContext("2d");
        pen.scale(ratio, ratio);
        pen.font = "12px system-ui, sans-serif";
        pen.textBaseline = "middle";
        pen.save();
        pen.beginPath();
        pen.rect(area.x, 0, area.w, height);
        pen.clip();
        const toX = (time) => area.x + (time - from) / (to - from) * area.w;
        lane.shown = [];
        for (const band of bands) {
            const [left, right] = [toX(band.from), toX(band.to)];
            if (right < area.x || left > area.x + area.w) continue;
            drawBand(pen, band, Math.max(left, area.x), Math.max(right, left + 1));
            lane.shown.push({band, left, right: Math.max(right, left + 3)});
        }
        for (const mark of data.labels.marks) drawMark(pen, toX(mark.at_us / 1e6), height);
        pen.restore();
    };
    canvas.addEventListener("mousemove", (event) => {
        const depthThere = Math.floor(event.offsetY / (bandHeight + 2));
        const hit = lane.shown.find(({band, left, right}) => band.depth === depthThere &&
            event.offsetX >= left && event.offsetX <= right);
        canvas.title = hit ? `${hit.band.name}\n${formatClock(hit.band.from)} to ` +
            formatClock(hit.band.to) : "";
    });
    return lane;
};

const drawBand = (pen, band, left, right) => {
    const top = band.depth * (bandHeight + 2) + 2;
    pen.globalAlpha = 0.85;
    pen.fillStyle = colourOf(band.name);
    pen.fillRect(left, top, Math.max(right - left - (right - left > 3 ? 1 : 0), 1), bandHeight);
    pen.globalAlpha = 1;
    if (right - left < 34) return;
    pen.save();
    pen.beginPath();
    pen.rect(left, top, right - left - 6, bandHeight);
    pen.clip();
    pen.fillStyle = "#10161d";
    pen.fillText(band.name, left + 6, top + bandHeight / 2 + 0.5);
    pen.restore();
};

const drawMark = (pen, x, height) => {
    pen.strokeStyle = styleOf("--ink");
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, height);
    pen.stroke();
};

const drawLabels = () => {
    const {names, bands, marks, totals} = data.labels;
    if (totals.length + marks.length === 0) return;
    if (timeline.charts.length > 0) {
        const lanes = new Map();
        for (const [lane, depth, name, from, length] of bands) {
            if (!lanes.has(lane)) lanes.set(lane, []);
            lanes.get(lane).push({name: names[name], depth, from: from / 1e6,
                                  to: (from + length) / 1e6});
        }
        if (lanes.size === 0) lanes.set(0, []);
        for (const [, laneBands] of lanes) {
            const depth = laneBands.reduce((most, band) => Math.max(most, band.depth), 0);
            const lane = makeLane(laneBands, Math.min(depth, 7));
            byId("lanes").append(element("div", {class: "card chart"},
                element("div", {class: "body"}, element("div", {class: "plot"}, lane.canvas))));
            timeline.lanes.push(lane);
        }
        drawLanes();
    }
    showSection("labels", "Labels", element("div", {class: "card scroll"}, listOf([
        {head: "Label", words: true, cell: (label) => label.name},
        {head: "Times", right: true, cell: (label) => String(label.count)},
        {head: "Took", right: true, cell: (label) => formatClock(label.total_us / 1e6)},
    ], totals)));
};
