// Bands over the axis of the charts: what was done, or ran, from when to when.

const gapOfBands = 2;

/**
 * A lane of `depth` rows of bands {name, depth, from, to, colour}, in seconds, and `marks` across
 * them, with `words` for those who do not see it. What `onHover(band)` gives is shown as a tip,
 * `rowName(depth)` before each row.
 */
const makeLane = ({bands, depth, marks = [], words, bandHeight = 20, onHover, rowName}) => {
    const canvas = element("canvas", {class: "lane", role: "img", "aria-label": words});
    const height = depth * (bandHeight + gapOfBands) + 4;
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
        if (rowName && bandHeight >= 12) drawRowNames(pen, area, depth, bandHeight, rowName);
        pen.save();
        pen.beginPath();
        pen.rect(area.x, 0, area.w, height);
        pen.clip();
        const toX = (time) => area.x + (time - from) / (to - from) * area.w;
        lane.shown = [];
        for (const band of bands) {
            const [left, right] = [toX(band.from), toX(band.to)];
            if (right < area.x || left > area.x + area.w) continue;
            drawBand(pen, band, Math.max(left, area.x), Math.max(right, left + 1), bandHeight);
            lane.shown.push({band, left, right: Math.max(right, left + 3)});
        }
        for (const time of marks) drawMark(pen, toX(time), height);
        pen.restore();
    };
    /** The band at a place of the canvas; undefined: none. */
    lane.bandAt = ({offsetX, offsetY}) => lane.shown.find(({band, left, right}) =>
        band.depth === Math.floor(offsetY / (bandHeight + gapOfBands)) && offsetX >= left &&
        offsetX <= right)?.band;
    canvas.addEventListener("mousemove", (event) => {
        const band = lane.bandAt(event);
        canvas.title = band ? onHover(band) : "";
    });
    return lane;
};

const drawRowNames = (pen, area, depth, bandHeight, rowName) => {
    pen.textAlign = "right";
    pen.fillStyle = styleOf("--quiet");
    for (let row = 0; row < depth; ++row) {
        pen.fillText(rowName(row), area.x - 8, row * (bandHeight + gapOfBands) + 2 +
            bandHeight / 2 + 0.5);
    }
    pen.textAlign = "left";
};

const drawBand = (pen, band, left, right, bandHeight) => {
    const top = band.depth * (bandHeight + gapOfBands) + 2;
    pen.globalAlpha = 0.85;
    pen.fillStyle = band.colour;
    pen.fillRect(left, top, Math.max(right - left - (right - left > 3 ? 1 : 0), 1), bandHeight);
    pen.globalAlpha = 1;
    const least = Math.min(80, pen.measureText(band.name).width + 12);
    if (right - left < least || bandHeight < 14) return;
    pen.save();
    pen.beginPath();
    pen.rect(left, top, right - left - 6, bandHeight);
    pen.clip();
    pen.fillStyle = "#10161d";
    pen.fillText(band.name, left + 6, top + bandHeight / 2 + 0.5);
    pen.restore();
};

/** Which colour is what, for bands that are too narrow for words: [[name, colour], ...]. */
const keyOfColours = (all) => element("div", {class: "key"}, ...all.map(([name, colour]) => {
    const swatch = element("span", {class: "swatch"});
    swatch.style.background = colour;
    return element("span", {title: name}, swatch, name.slice(0, 40));
}));

/** Puts a lane with its key above the charts. */
const addLane = (lane, key) => {
    lane.hairline = element("div", {class: "hairline"});
    byId("lanes").append(element("div", {class: "card chart"}, element("div", {class: "body"},
        element("div", {class: "plot"}, lane.canvas, lane.hairline), key)));
    timeline.lanes.push(lane);
};

const drawMark = (pen, x, height) => {
    pen.strokeStyle = styleOf("--ink");
    pen.beginPath();
    pen.moveTo(x, 0);
    pen.lineTo(x, height);
    pen.stroke();
};
