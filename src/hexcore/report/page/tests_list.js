// The list of tests: chosen by verdict and words, sorted, opened one by one.

const rowsAtOnce = 100;

const list = {
    words: "", verdicts: new Set(), memory: new Set(),  // none: all of them
    by: "order", shown: rowsAtOnce,
    opened: new Map(),  // test to its details
    rows: new Map(),    // test to its row, of those that are shown
    current: null,      // where j and k are
};

const badness = (test) => test.isFailure ? 0 : test.verdict.startsWith("flaky") ? 1 :
    test.kept > 0 ? 2 : 3;
const orders = {
    order: {words: "failures first", compare: (a, b) => badness(a) - badness(b)},
    memory: {words: "most memory", compare: (a, b) => (b.used ?? -1) - (a.used ?? -1)},
    ...(deviceNames.length > 0 && {device: {words: "most of a device",
        compare: (a, b) => mostOfDevice(b) - mostOfDevice(a)}}),
    time: {words: "longest", compare: (a, b) => (b.seconds ?? -1) - (a.seconds ?? -1)},
    kept: {words: "most left behind", compare: (a, b) => b.kept - a.kept},
    share: {words: "nearest to the budget", compare: (a, b) => shareOf(b) - shareOf(a)},
    name: {words: "name", compare: (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)},
};

const shareOf = (test) => Math.max(...[test, ...test.devices].map(({used, claim}) =>
    claim > 0 && used !== null ? used / claim : -1));
const mostOfDevice = (test) => Math.max(0, ...test.devices.map(({used}) => used));

/** All words are in its name, its group, its tags or its reason. */
const hasWords = (test, words) => {
    test.text ??= [test.id, test.group, test.reason ?? "", ...(test.tags ?? [])].join("\n")
        .toLowerCase();
    return words.every((word) => test.text.includes(word));
};

const chosenTests = () => {
    const words = list.words.toLowerCase().split(/\s+/).filter(Boolean);
    return tests.filter((test) =>
        (list.verdicts.size === 0 || list.verdicts.has(test.verdict)) &&
        (list.memory.size === 0 || list.memory.has(test.memory)) && hasWords(test, words))
        .sort((a, b) => orders[list.by].compare(a, b) || a.number - b.number);
};

const svgElement = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
};

/** The runs before and, as a dot, this one. */
const trendLine = (history, now, format) => {
    const all = now === null ? history : [...history, now];
    if (all.length < 2) return null;
    const [width, height, most] = [92, 22, Math.max(...all, 1e-9)];
    const point = (value, i) => [3 + i * (width - 6) / (all.length - 1),
                                 height - 3 - value / most * (height - 6)];
    const drawing = svgElement("svg", {class: "trend", width, height, role: "img",
        "aria-label": `runs before: ${history.map(format).join(", ")}`});
    drawing.append(svgElement("polyline", {points: all.map(point).join(" ")}));
    const [x, y] = point(all.at(-1), all.length - 1);
    if (now !== null) drawing.append(svgElement("circle", {cx: x, cy: y, r: 2.6}));
    const title = svgElement("title", {});
    title.textContent = all.map(format).join(" → ");
    drawing.append(title);
    return drawing;
};

/** A name that lines may break in, where its parts end. */
const breakable = (name) => name.split(/(?<=[./:_])/).flatMap((part) => [part, element("wbr")]);

/** "cuda:0 1.2 GiB of 4.0 GiB" over a bar. */
const usedOf = (name, {used, claim, isDeclared}, isOver) => {
    const words = element("div", {class: "number"}, name, formatBytes(used), element("span",
        {class: "quiet"}, claim ? ` of ${formatBytes(claim)}` : ""));
    if (!claim) return words;
    const fill = element("div");
    fill.style.width = `${Math.min(used / claim, 1) * 100}%`;
    return element("div", {title: isDeclared ? "of its budget"
                                             : "of what was learned from runs before"}, words,
        element("div", {class: `claim ${isDeclared ? "declared" : "learned"} ${
            used > claim || isOver ? "over" : ""}`}, fill));
};

/** Of which device it had more than its budget: "memory" is main memory. */
const breachedDevice = (test) => test.attempts.at(-1)?.breach?.device;

const memoryCell = (test) => test.used === null ? element("td", {class: "memory"}) :
    element("td", {class: "memory"}, usedOf("", test, breachedDevice(test) === "memory"),
        ...test.devices.filter(({used, claim}) => used > 0 || claim).map((each) =>
            usedOf(`${each.device} `, each, breachedDevice(test) === each.device)));

const rowOf = (test) => {
    const name = element("button", {type: "button", class: "name", "aria-expanded": "false"},
                         ...breakable(test.id));
    name.addEventListener("click", () => toggleTest(test));
    name.addEventListener("focus", () => { list.current = test; });
    const more = test.attempts.length > 1 ? ` · ${test.attempts.length} attempts` : "";
    return element("tr", {},
        element("td", {}, testPill(test.verdict)),
        element("td", {class: "words"}, name, test.reason && test.verdict !== "passed" &&
            element("div", {class: "quiet why"}, test.reason)),
        element("td", {class: "right"}, test.seconds === null ? "" : formatTook(test.seconds),
                more && element("div", {class: "quiet"}, more)),
        memoryCell(test),
        element("td", {class: "right"}, test.kept > 0 && formatBytes(test.kept), test.kept > 0 &&
            element("div", {}, memoryPill(test.memory))),
        element("td", {class: "trends"}, trendLine(test.history, test.used, formatBytes)));
};

const drawList = () => {
    const chosen = chosenTests();
    forgetDetails();
    list.rows = new Map(chosen.slice(0, list.shown).map((test) => [test, rowOf(test)]));
    byId("rows").replaceChildren(...list.rows.values());
    byId("count").textContent = chosen.length === tests.length ? plural(tests.length, "test")
        : `${chosen.length} of ${plural(tests.length, "test")}`;
    const more = byId("more");
    more.hidden = chosen.length <= list.shown;
    more.textContent = `Show ${Math.min(rowsAtOnce, chosen.length - list.shown)} more of ` +
        `${chosen.length - list.shown}`;
};

const forgetDetails = () => {
    list.opened.forEach((details) => details.forget());
    list.opened.clear();
};

const toggleTest = (test) => {
    const row = list.rows.get(test);
    const isOpen = list.opened.has(test);
    row.querySelector("button").setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) {
        list.opened.get(test).forget();
        list.opened.delete(test);
        row.nextElementSibling.remove();
        return;
    }
    const details = detailsOf(test);
    row.after(element("tr", {class: "opened"}, element("td", {colspan: "6"}, details.node)));
    list.opened.set(test, details);
    details.draw();
};

/** Chooses all tests up to this one, if need be, and opens it. */
const showTest = (test) => {
    if (!list.rows.has(test)) {
        Object.assign(list, {words: test.id, shown: rowsAtOnce});
        list.verdicts.clear();
        list.memory.clear();
        byId("search").value = test.id;
        sayChosen();
        drawList();
    }
    if (!list.opened.has(test)) toggleTest(test);
    goToTest(test);
};

const goToTest = (test) => {
    const row = list.rows.get(test);
    row.querySelector("button").focus({preventScroll: true});
    row.scrollIntoView({block: "nearest"});
};

/** Along the list, by so many rows. */
const moveTest = (by) => {
    const all = [...list.rows.keys()];
    const now = all.indexOf(list.current);
    const next = all[Math.min(Math.max(now < 0 ? 0 : now + by, 0), all.length - 1)];
    if (next) goToTest(next);
};

const sayChosen = () => document.querySelectorAll("[data-set]").forEach((chip) =>
    chip.setAttribute("aria-pressed", String(list[chip.dataset.set].has(chip.dataset.value))));

/** Shows what is chosen by what has just changed. */
const chooseAnew = () => {
    list.shown = rowsAtOnce;
    sayChosen();
    drawList();
};

const toggleIn = (set, value) => {
    if (!list[set].delete(value)) list[set].add(value);
    chooseAnew();
};

const chipsOf = (set, counts, wordsOf) => counts.map(([value, count]) => {
    const chip = element("button", {type: "button", class: "chip", "data-set": set,
                                    "data-value": value, "aria-pressed": "false"},
                         `${wordsOf(value)} ${count}`);
    chip.addEventListener("click", () => toggleIn(set, value));
    return chip;
});

/** Those that failed, or all again. */
const toggleFailures = () => {
    const failed = data.verdicts.filter((_, number) => data.failures[number]);
    const areChosen = failed.every((verdict) => list.verdicts.has(verdict));
    list.verdicts = new Set(areChosen ? [] : failed);
    chooseAnew();
};

const clearSearch = () => {
    byId("search").value = list.words = "";
    chooseAnew();
};

const searchTools = () => {
    const search = element("input", {type: "search", id: "search", placeholder: "Search tests (/)",
                                     "aria-label": "Search tests", spellcheck: "false"});
    search.addEventListener("input", () => { list.words = search.value; chooseAnew(); });
    const order = element("select", {id: "order", "aria-label": "Order"},
        ...Object.entries(orders).map(([by, {words}]) => element("option", {value: by}, words)));
    order.addEventListener("change", () => { list.by = order.value; chooseAnew(); });
    const memory = countsOf("memory", data.memory_verdicts);
    return element("div", {class: "search"}, search, order,
        ...chipsOf("verdicts", countsOf("verdict", data.verdicts), (each) => lookOf(each).words),
        ...(memory.length > 1 ? chipsOf("memory", memory, (each) => memoryLooks[each].words) : []),
        element("span", {id: "count", class: "quiet number", role: "status"}));
};

const drawTests = () => {
    if (tests.length === 0) return;
    const more = element("button", {type: "button", id: "more"});
    more.addEventListener("click", () => { list.shown += rowsAtOnce; drawList(); });
    const heads = ["Verdict", "Test", "Time", "Memory", "Left", "Trend"];
    showSection("tests", "Tests", searchTools(), element("div", {class: "card tests"},
        element("table", {class: "list"},
            element("thead", {}, element("tr", {}, ...heads.map((head) => element("th",
                {scope: "col", class: ["Time", "Left"].includes(head) ? "right" : ""}, head)))),
            element("tbody", {id: "rows"})), more));
    drawList();
};
