// Keys. Whatever they do has a button or the pointer, too.

const hasTime = () => timeline.charts.length > 0;

const timeKeys = [
    {keys: ["ArrowLeft", "ArrowRight"], shown: "← →", does: "move the cursor by a row",
     when: hasTime, act: (event) => moveCursor(event.key === "ArrowLeft" ? -1 : 1)},
    {keys: ["ArrowLeft", "ArrowRight"], shift: true, shown: "Shift ← →", does: "move in time",
     when: hasTime, act: (event) => panBy(event.key === "ArrowLeft" ? -0.2 : 0.2)},
    {keys: ["+", "="], shown: "+", does: "zoom in, where the cursor is", when: hasTime,
     act: () => zoomBy(0.5)},
    {keys: ["-"], shown: "-", does: "zoom out", when: hasTime, act: () => zoomBy(2)},
    {keys: ["0"], shown: "0", does: "the whole time", when: hasTime, act: () => showAll()},
    {keys: ["p"], shown: "p", does: "to the peak", when: hasTime, act: () => goToPeak()},
];
const stackKeys = [
    {keys: ["s"], shown: "s", does: "stack another way", when: hasTime,
     act: () => nextStacking()},
];
const pageKeys = [
    {keys: ["t"], shown: "t", does: "light or dark", act: () => toggleTheme()},
    {keys: ["?"], shown: "?", does: "these keys", act: () => toggleHelp()},
];

/** Those of this page. */
const keys = [];

const toggleHelp = () => {
    const help = byId("help");
    if (help.open) help.close();
    else help.showModal();
};

const fillHelp = () => {
    const close = element("button", {type: "button"}, "Close");
    close.addEventListener("click", toggleHelp);
    byId("help").replaceChildren(element("h3", {}, "Keys"), element("dl", {}, ...keys.flatMap(
        (key) => [element("dt", {}, element("kbd", {}, key.shown)),
                  element("dd", {}, key.does)])),
        element("p", {class: "quiet"}, "Drag over a chart to zoom in, with Shift to move, and click "
            + "twice for the whole time; or move the ends of the strip below the first chart."),
        close);
};

const takeKey = (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const isTyping = ["INPUT", "SELECT"].includes(event.target.tagName);
    const key = keys.find((each) => each.keys.includes(event.key) &&
        (!event.key.startsWith("Arrow") || (each.shift ?? false) === event.shiftKey) &&
        (!isTyping || each.whileTyping));
    const isAbove = byId("help").open && !pageKeys.includes(key);
    if (!key || isAbove || !(key.when?.() ?? true)) return;
    event.preventDefault();
    key.act(event);
};

/** What is done last on every page. */
const finishPage = () => {
    fillHelp();
    byId("theme").addEventListener("click", toggleTheme);
    byId("keys").addEventListener("click", toggleHelp);
    addEventListener("keydown", takeKey);
    document.documentElement.dataset.ready = "yes";
};
