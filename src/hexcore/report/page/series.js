// Rows out of the page's data, where they stand as differences.

const data = JSON.parse(byId("data").textContent);

const summedUp = (differences, factor) => {
    let sum = 0;
    return differences.map((difference) => (sum += difference) * factor);
};

/** A chart's times in seconds, and for each way of stacking its series in bytes. */
const decodeChart = (chart) => ({
    ...chart,
    times: summedUp(chart.times_us, 1e-6),
    views: chart.views.map((view) => ({
        by: view.by,
        series: view.series.map((series) => ({
            name: series.name,
            bytes: summedUp(series.units, chart.unit_bytes),
        })),
    })),
});

/** The row nearest to a time in seconds; -1 where there is none. */
const nearestRow = (times, time) => {
    let [low, high] = [0, times.length - 1];
    while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (times[middle] <= time) low = middle;
        else high = middle;
    }
    return high >= 0 && times[high] - time < time - times[low] ? high : high < 0 ? -1 : low;
};

const totalAt = (view, row) => view.series.reduce((sum, series) => sum + series.bytes[row], 0);
