// Where in programs memory was taken, and what repeats of a label left behind.

/** A stack by its number: the innermost function, and all of them when it is opened. */
const stackOf = (number) => {
    const frames = data.stacks[number];
    if (!frames?.length) return element("span", {class: "quiet"}, "none recorded");
    return element("details", {class: "stack"}, element("summary", {}, frames[0]),
                   element("pre", {}, frames.join("\n")));
};

const sitesTable = () => data.sites.length === 0 ? null : listOf([
    {head: "For", words: true, cell: ({device, purpose}) =>
        purpose ? `${device}: ${purpose}` : device},
    {head: "In label", words: true, cell: (site) => site.label || "none"},
    {head: "Left at the end", right: true, cell: (site) => formatBytes(site.left_bytes)},
    {head: "Most", right: true, cell: (site) => formatBytes(site.most_bytes)},
    {head: "Allocations", right: true, cell: (site) => String(site.ever)},
    {head: "Taken by", words: true, cell: (site) => stackOf(site.stack)},
], data.sites);

/** How sure what a repeat left behind is; of what is no leak, what would have shown. */
const boundsOf = ({verdict, bytes_per_repeat_least: least, bytes_per_repeat_most: most}) => {
    if (verdictKind[verdict] === "good") return `over ${formatBytes(most)} would show`;
    return least === most ? "exact" : `${formatBytes(least)} to ${formatBytes(most)}`;
};

/** A line for each device that a label's repeats were judged on, and below it its sites that grew. */
const repeatsTable = () => {
    const rows = (data.recording.repeats ?? []).flatMap((repeated) => repeated.devices.flatMap(
        (on) => [{...on, label: repeated.label, repeats: repeated.repeats},
                 ...on.sites.filter((site) => site.bytes_per_repeat > 0).map(
                     (site) => ({...site, isSite: true}))]));
    return rows.length === 0 ? null : listOf([
        {head: "Label", words: true, cell: (row) => row.isSite ? "" : row.label},
        {head: "Repeats judged", right: true, cell: (row) =>
            row.isSite ? "" : `${row.judged_repeats} of ${row.repeats}`},
        {head: "Where", words: true, cell: (row) => row.isSite ? row.purpose : row.device},
        {head: "Verdict", cell: (row) => verdictPill(row.verdict)},
        {head: "A repeat", right: true, cell: (row) =>
            `${row.bytes_per_repeat < 0 ? "" : "+"}${formatBytes(row.bytes_per_repeat)}`},
        {head: "Bounds", right: true, cell: (row) => row.isSite ? "" : boundsOf(row)},
        {head: "Known by", cell: (row) => row.isSite ? "" : row.known_by},
        {head: "Taken by", words: true, cell: (row) => row.isSite ? stackOf(row.stack)
                                                                  : row.why ?? ""},
    ], rows);
};
