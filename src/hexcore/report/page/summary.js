// What stands beside the charts: how it ended, each device's peak, growth, processes, precision.

const verdictKind = {none: "good", cache: "good", pool: "good", growing: "bad", leak: "bad",
                     driver: "warn", inconclusive: "warn"};
const verdictWords = {none: "no growth", growing: "growing", driver: "grows outside the program",
                      inconclusive: "not conclusive"};

const verdictPill = (verdict, more = "") => element("span",
    {class: `pill ${verdictKind[verdict] ?? ""}`}, (verdictWords[verdict] ?? verdict) + more);

/** ": +1.0 MiB a step", where the verdict is about what repeats. */
const perRepeat = ({repeated_label: label, bytes_per_repeat: bytes}) =>
    label && bytes > 0 ? `: +${formatBytes(bytes)} a ${label.slice(0, 24)}` : "";

const endPill = ({exit, killed_by: killedBy, signal}) => {
    if (exit === null) return element("span", {class: "pill warn"}, "no end recorded");
    if (killedBy) return element("span", {class: "pill bad"}, "killed for its memory");
    if (signal !== null) return element("span", {class: "pill bad"}, `signal ${signal}`);
    return element("span", {class: `pill ${exit === 0 ? "good" : "bad"}`}, `exit code ${exit}`);
};

const drawHeading = () => {
    const {recording} = data;
    const command = recording.command.join(" ") || "a command";
    document.title = `${command.slice(0, 80)}: memory`;
    const started = new Date(recording.started_unix_ms);
    byId("heading").replaceChildren(
        element("div", {class: "brand"}, "Hexcore: where the memory went"),
        element("h1", {title: command}, command),
        element("div", {}, endPill(recording), " ", element("span", {class: "quiet"},
            `${formatClock(recording.duration_ms / 1e3)} from ${started.toLocaleString()}`)));
};

const deviceCard = (device) => {
    const share = device.total_bytes > 0 ? device.peak_bytes / device.total_bytes : 0;
    const fill = element("div");
    fill.style.width = formatPercent(Math.min(share, 1)).replace(" ", "");
    const label = device.peak_label ? `, ${device.peak_label}` : "";
    const of = share > 0 ? `${formatPercent(share)} of ${formatBytes(device.total_bytes)}` : "";
    return element("div", {class: "card device"},
        element("div", {class: "top"}, element("h3", {title: device.description}, device.name),
                verdictPill(device.growth.verdict, perRepeat(device.growth))),
        element("div", {class: "figure number"}, formatBytes(device.peak_bytes)),
        element("div", {class: "meter"}, fill),
        element("div", {class: "quiet number"},
            [`peak at ${formatClock(device.peak_at_ms / 1e3)}${label}`, of].filter(Boolean)
                .join("; ")));
};

// GPUs first, for whose sake people look.
const usedDevices = () => data.recording.devices.filter((device) => device.peak_bytes > 0)
    .sort((a, b) => (b.kind === "gpu") - (a.kind === "gpu"));

const drawDevices = () => byId("devices").replaceChildren(...usedDevices().map(deviceCard));

const growthTable = (devices) => listOf([
    {head: "Where", cell: (device) => device.name, words: true},
    {head: "Verdict", cell: (device) => verdictPill(device.growth.verdict)},
    {head: "Rate", right: true, cell: (device) => formatRate(device.growth.bytes_per_s)},
    {head: "With 99 % confidence", right: true, cell: ({growth}) =>
        `${formatRate(growth.bytes_per_s_least)} to ${formatRate(growth.bytes_per_s_most)}`},
    {head: "Why", words: true, cell: (device) => device.growth.why ?? ""},
], devices);

const drawGrowth = () => {
    const devices = usedDevices();
    if (devices.length === 0) return;
    const repeats = repeatsTable();
    const sites = sitesTable();
    showSection("growth", "Growth after warm-up",
                element("div", {class: "card scroll"}, growthTable(devices)),
                repeats && element("h2", {}, "What repeats left behind"),
                repeats && element("div", {class: "card scroll"}, repeats),
                sites && element("h2", {}, "Where memory was taken"),
                sites && element("div", {class: "card scroll"}, sites));
};

const drawProcesses = () => {
    const {processes, processes_watched: watched} = data.recording;
    if (processes.length === 0) return;
    const seconds = (ms) => formatClock(ms / 1e3);
    showSection("processes", `Processes${watched > processes.length ? `: the ${processes.length} ` +
        `largest of ${watched}` : ""}`, element("div", {class: "card scroll"}, listOf([
        {head: "Command", words: true, cell: (process) => process.command || "a process"},
        {head: "Pid", right: true, cell: (process) => String(process.pid)},
        {head: "Most", right: true, cell: (process) => formatBytes(process.peak_bytes)},
        {head: "Seen from", right: true, cell: (process) => seconds(process.first_ms)},
        {head: "to", right: true, cell: (process) => seconds(process.last_ms)},
    ], processes)));
};

const drawNotes = () => showSection("notes", "How precise this is", element("div",
    {class: "card"}, ...data.sentences.map((sentence) => element("p", {}, sentence))));
