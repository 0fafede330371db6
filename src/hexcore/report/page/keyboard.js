// Keys. Whatever they do has a button or the pointer, too.

const keys = [
    {keys: ["ArrowLeft", "ArrowRight"], shown: "← →", does: "move the cursor by a row",
     act: (event) => moveCursor(event.key === "ArrowLeft" ? -1 : 1)},
    {keys: ["ArrowLeft", "ArrowRight"], shift: true, shown: "Shift ← →", does: "move in time",
     act: (event) => panBy(event.key === "ArrowLeft" ? -0.2 : 0.2)},
    {keys: ["+", "="], shown: "+", does: "zoom in, where the cursor is", act: () => zoomBy(0.5)},
    {keys: ["-"], shown: "-", does: "zoom out", act: () => zoomBy(2)},
    {keys: ["0"], shown: "0", does: "the whole time", act: () => showAll()},
    {keys: ["p"], shown: "p", does: "to the peak", act: () => goToPeak()},
    {keys: ["s"], shown: "s", does: "stack by process or by purpose", act: () => nextStacking()},
    {keys: ["t"], shown: "t", does: "light or dark", always: true, act: () => toggleTheme()},
    {keys: ["?"], shown: "?", does: "these keys", always: true, act: () => toggleHelp()},
];

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
    const key = keys.find((each) => each.keys.includes(event.key) &&
        (!event.key.startsWith("Arrow") || (each.shift ?? false) === event.shiftKey));
    if (!key || (!key.always && (timeline.charts.length === 0 || byId("help").open))) return;
    event.preventDefault();
    key.act(event);
};
