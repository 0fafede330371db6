// What the program said it was doing: a lane of bands for each thread, and marks across them.

/** The labels that took longest. */
const keyOf = (bands) => {
    const lengths = new Map();
    for (const {name, from, to} of bands) lengths.set(name, (lengths.get(name) ?? 0) + to - from);
    const longest = [...lengths.keys()].sort((a, b) => lengths.get(b) - lengths.get(a));
    return keyOfColours(longest.slice(0, 8).map((name) => [name, colourOf(name)]));
};

/** A column for each device that had samples while labels were open: the largest total in each. */
const columnsOfMost = (totals) => data.charts.map((chart, index) => ({
    head: `Most of ${chart.name.slice(0, 24)}`, right: true,
    cell: ({most_bytes: most}) => most[index] === null ? "no sample" : formatBytes(most[index]),
    isKnown: totals.some(({most_bytes: most}) => most[index] !== null),
})).filter((column) => column.isKnown).slice(0, 6);

const drawLabels = () => {
    const {names, bands, marks, totals} = data.labels;
    if (totals.length + marks.length === 0) return;
    if (timeline.charts.length > 0) {
        const lanes = new Map();
        for (const [lane, depth, name, from, length] of bands) {
            if (!lanes.has(lane)) lanes.set(lane, []);
            lanes.get(lane).push({name: names[name], depth, from: from / 1e6,
                                  to: (from + length) / 1e6, colour: colourOf(names[name])});
        }
        if (lanes.size === 0) lanes.set(0, []);
        for (const [, laneBands] of lanes) {
            const depth = laneBands.reduce((most, band) => Math.max(most, band.depth), 0);
            const lane = makeLane({
                bands: laneBands, depth: Math.min(depth, 7) + 1,
                marks: marks.map((mark) => mark.at_us / 1e6),
                words: "Labels over time; the table of labels has them in words",
                onHover: ({name, from, to}) => `${name}\n${formatClock(from)} to ${formatClock(to)}`,
            });
            addLane(lane, keyOf(laneBands));
        }
        drawLanes();
    }
    showSection("labels", "Labels", element("div", {class: "card scroll"}, listOf([
        {head: "Label", words: true, cell: (label) => label.name},
        {head: "Times", right: true, cell: (label) => String(label.count)},
        {head: "Took", right: true, cell: (label) => formatClock(label.total_us / 1e6)},
        ...columnsOfMost(totals),
    ], totals)));
};
