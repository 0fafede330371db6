// Figures and times in words, as the program's own text has them.

const formatBytes = (bytes) => {
    const size = Math.abs(bytes);
    const sign = bytes < 0 ? "-" : "";
    if (size < 1024) return `${sign}${Math.round(size)} B`;
    const power = Math.min(Math.floor(Math.log2(size) / 10), 4);
    const value = size / 1024 ** power;
    const digits = power >= 3 ? 2 : value >= 100 || power === 1 ? 0 : 1;
    return `${sign}${value.toFixed(digits)} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
};

const two = (number) => String(number).padStart(2, "0");

/** When, counted from the start: "0.42 s", "12.3 s", "12:03", "1:02:03". */
const formatClock = (seconds) => {
    if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
    const whole = Math.floor(seconds);
    const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
};

/** For an axis with a tick every `step` seconds. */
const formatTick = (seconds, step) => {
    if (step >= 1 && seconds >= 60) return formatClock(Math.round(seconds));
    return `${seconds.toFixed(step >= 1 ? 0 : Math.ceil(-Math.log10(step)))} s`;
};

const formatRate = (bytesPerSecond) =>
    `${bytesPerSecond < 0 ? "" : "+"}${formatBytes(bytesPerSecond)}/s`;

const formatPercent = (share) => `${(share * 100).toFixed(share < 0.0995 ? 1 : 0)} %`;

const timeSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200,
                   86400];

/** The round step of which at most `count` fit into `span` seconds. */
const timeStep = (span, count) => {
    const least = span / count;
    if (least > 0.5) return timeSteps.find((step) => step >= least) ?? 86400 * Math.ceil(
        least / 86400);
    const power = 10 ** Math.floor(Math.log10(least));
    return [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= least);
};

/** Ticks for dygraphs: times in seconds. */
const timeTicks = (from, to, pixels) => {
    const step = timeStep(to - from, Math.max(2, pixels / 90));
    const ticks = [];
    for (let at = Math.ceil(from / step - 1e-9); at * step <= to; ++at) {
        ticks.push({v: at * step, label: formatTick(at * step, step)});
    }
    return ticks;
};

/** Ticks for dygraphs: bytes, at round binary figures. */
const byteTicks = (from, to, pixels) => {
    const least = (to - from) / Math.max(2, pixels / 45);
    const step = 2 ** Math.ceil(Math.log2(Math.max(least, 1)));
    const ticks = [];
    for (let at = Math.ceil(from / step); at * step <= to; ++at) {
        ticks.push({v: at * step, label: formatTickBytes(at * step)});
    }
    return ticks;
};

const formatTickBytes = (bytes) => {
    const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), 4);
    return `${+(bytes / 1024 ** power).toFixed(2)} ${["B", "KiB", "MiB", "GiB", "TiB"][power]}`;
};
