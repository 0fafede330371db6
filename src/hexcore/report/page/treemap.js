// What each peak was made of: areas by size, in the colours of the charts.

/** By process as the peak was told, otherwise by the series of the chart that has it. */
const treeOf = (peak) => {
    const chart = timeline.charts.find((each) => each.data.name === peak.name);
    if (!chart || chart.view.by === "process") return peak.tree;
    return {children: chart.view.series.map(
        ({name, bytes}) => ({name, bytes: bytes[chart.peakRow]}))};
};

const drawTiles = (tiles, peak) => {
    const root = d3.hierarchy(treeOf(peak)).sum((part) => part.bytes ?? 0)
        .sort((a, b) => b.value - a.value);
    d3.treemap().size([tiles.clientWidth, tiles.clientHeight]).paddingInner(2).round(true)(root);
    tiles.replaceChildren(...root.leaves().filter((leaf) => leaf.value > 0).map((leaf) => {
        const [width, height] = [leaf.x1 - leaf.x0, leaf.y1 - leaf.y0];
        const size = `${formatBytes(leaf.value)}, ${formatPercent(leaf.value / root.value)}`;
        const tile = element("div", {class: "tile", title: `${leaf.data.name}\n${size}`});
        if (width > 60 && height > 24) {
            tile.append(element("div", {class: "what"}, leaf.data.name));
        }
        if (width > 60 && height > 44) tile.append(element("div", {}, size));
        tile.style.left = `${leaf.x0}px`;
        tile.style.top = `${leaf.y0}px`;
        tile.style.width = `${width}px`;
        tile.style.height = `${height}px`;
        tile.style.background = colourOf(leaf.data.series ?? leaf.data.name);
        return tile;
    }));
};

const drawPeaks = () => {
    const peaks = data.peaks.filter((peak) => peak.bytes > 0);
    if (peaks.length === 0) return;
    const drawings = peaks.map((peak) => ({peak, tiles: element("div", {
        class: "tiles", role: "img",
        "aria-label": `What the peak of ${peak.name} was made of: ` + peak.tree.children
            .map((part) => `${part.name} ${formatBytes(part.bytes ?? 0)}`).slice(0, 5).join(", "),
    })}));
    const cards = drawings.map(({peak, tiles}) => element("section", {class: "card map"},
        element("div", {class: "title"}, element("h3", {}, peak.name),
                element("span", {class: "quiet number"},
                        `${formatBytes(peak.bytes)} at ${formatClock(peak.at_us / 1e6)}`)),
        tiles));
    showSection("peaks", "What the peaks were made of", element("div", {class: "maps"}, ...cards));
    const draw = () => drawings.forEach(({peak, tiles}) => drawTiles(tiles, peak));
    draw();
    addEventListener("resize", draw);
    timeline.stackListeners.push(draw);
};
