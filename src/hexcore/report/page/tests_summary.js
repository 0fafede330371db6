// What stands above and below: how the run ended, four figures, what protected, where it ran.

const failures = () => tests.filter((test) => test.isFailure);

const runPill = () => {
    if (data.run.interrupted) return element("span", {class: "pill warn"}, "interrupted");
    const count = failures().length;
    if (tests.length === 0) return element("span", {class: "pill bad"}, "no test was selected");
    return element("span", {class: `pill ${count ? "bad" : "good"}`},
                   count ? `${plural(count, "test")} failed` : "no test failed");
};

const drawHeading = () => {
    const {command, duration_ms: ms, started_unix_ms: started, framework} = data.run;
    const words = command.join(" ") || "tests";
    document.title = `${words.slice(0, 80)}: tests`;
    byId("heading").replaceChildren(
        element("div", {class: "brand"}, `Hexcore: what tests needed, by ${framework}`),
        element("h1", {title: words}, words),
        element("div", {}, runPill(), " ", element("span", {class: "quiet"},
            `${formatClock(ms / 1e3)} from ${new Date(started).toLocaleString()}`)));
};

const card = (name, figure, meter, ...words) => element("div", {class: "card device"},
    element("h3", {}, name),
    element("div", {class: "figure number"}, figure), meter,
    ...words.filter(Boolean).map((each) => element("div", {class: "quiet number"}, each)));

const meterOf = (parts) => element("div", {class: "meter parts"}, ...parts.map(
    ({share, colour, title}) => {
        const part = element("div", title ? {title} : {});
        part.style.width = `${Math.min(share, 1) * 100}%`;
        if (colour) part.style.background = colour;
        return part;
    }));

const verdictsCard = () => {
    const counts = countsOf("verdict", data.verdicts);
    const passed = tests.filter((test) => test.verdict === "passed").length;
    const parts = counts.map(([verdict, count]) => ({share: count / tests.length,
        colour: lookOf(verdict).colour, title: `${count} ${lookOf(verdict).words}`}));
    const others = counts.filter(([verdict]) => verdict !== "passed")
        .map(([verdict, count]) => `${count} ${lookOf(verdict).words}`);
    return card("Verdicts", element("span", {}, String(passed), element("small", {},
        ` of ${tests.length} passed`)), meterOf(parts),
                others.join(", ") || "nothing else",
                data.run.not_run > 0 ? `${plural(data.run.not_run, "test")} did not run` : "");
};

const atOnceCard = (name, device, most, there) => {
    const heaviest = Math.max(0, ...claimsOf(device).map(({used}) => used));
    return card(`${name} at once`, formatBytes(most),
                meterOf([{share: there > 0 ? most / there : 0}]),
                there > 0 ? `${formatPercent(most / there)} of ${formatBytes(there)}` : "",
                heaviest > 0 ? `most by one test: ${formatBytes(heaviest)}` : "");
};

const memoryCards = () => [
    atOnceCard("Memory", mainMemory, data.run.most_at_once_bytes, data.machine.memory_bytes),
    ...chartsOfAll.filter(({name}) => name !== mainMemory)
        .map(({name, most, size}) => atOnceCard(name, name, most, size)),
];

const timeCard = () => {
    const whole = Math.max(data.run.duration_ms / 1e3, 1e-6);
    const inTests = tests.flatMap((test) => test.attempts)
        .reduce((sum, attempt) => sum + attempt.seconds, 0);
    const atOnce = inTests / whole;
    return card("Time", formatClock(whole), meterOf([{share: atOnce / data.run.slots}]),
                `${atOnce.toFixed(1)} of ${plural(data.run.slots, "slot")} busy`,
                `${formatClock(inTests)} of tests`);
};

const keptCard = () => {
    const dirty = tests.filter((test) => test.kept > 0);
    const kept = dirty.reduce((sum, test) => sum + test.kept, 0);
    const counts = countsOf("memory", data.memory_verdicts);
    return card("Left behind", dirty.length ? formatBytes(kept) : "nothing",
                meterOf(counts.map(([verdict, count]) => ({share: count / tests.length,
                    colour: memoryLooks[verdict].colour,
                    title: `${count} ${memoryLooks[verdict].words}`}))),
                counts.map(([verdict, count]) => `${count} ${memoryLooks[verdict].words}`)
                    .join(", "));
};

const drawCards = () => byId("cards").replaceChildren(
    ...(tests.length ? [verdictsCard(), ...memoryCards(), timeCard(), keptCard()] : []));

const drawMachine = () => {
    const {guards, machine} = data;
    const devices = [{name: "host", total_bytes: machine.memory_bytes,
                      free_bytes: machine.free_bytes}, ...machine.devices];
    const facts = [["Memory is kept within budgets by", inWords(guards.memory)],
                   ["All processes of a test are ended by", inWords(guards.kill)],
                   ["Shared memory is known by", guards.share],
                   ["Number of processes", guards.limits_processes ? "limited" : "not limited"],
                   ["Cores", String(machine.cores)]];
    showSection("machine", "What protected, and where it ran",
        element("div", {class: "card pair"},
            element("dl", {class: "facts"}, ...facts.flatMap(([what, value]) =>
                [element("dt", {}, what), element("dd", {}, value)])),
            listOf([
                {head: "Device", words: true, cell: (device) => device.name},
                {head: "In all", right: true, cell: (device) => formatBytes(device.total_bytes)},
                {head: "Free at the start", right: true,
                 cell: (device) => formatBytes(device.free_bytes)},
            ], devices)),
        ...(guards.why.length + data.run.notes.length ? [element("div", {class: "card notes"},
            ...[...guards.why, ...data.run.notes].map((words) => element("p", {}, words)))] : []));
};
