// Elements of the page. All text goes in as text: nothing of the data is ever read as HTML.

const byId = (id) => document.getElementById(id);

/** "shared memory" of "shared_memory". */
const inWords = (name) => name.replaceAll("_", " ");

const isThere = (child) => child !== null && child !== undefined && child !== false;

/** element("div", {class: "card"}, "words", anotherElement) */
const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children.filter(isThere));
    return made;
};

/** Shows a section of the page under a heading. */
const showSection = (id, heading, ...children) => {
    const section = byId(id);
    section.hidden = false;
    section.replaceChildren(element("h2", {}, heading), ...children.filter(Boolean));
};

/** A table. Each column is {head, cell: row => words or element, right, words}. */
const listOf = (columns, rows) => {
    const kind = (column) => (column.right ? "right" : column.words ? "words" : "");
    const head = element("tr", {}, ...columns.map(
        (column) => element("th", {class: kind(column), scope: "col"}, column.head)));
    const body = rows.map((row) => element("tr", {}, ...columns.map(
        (column) => element("td", {class: kind(column)}, column.cell(row)))));
    return element("table", {class: "list"}, element("thead", {}, head),
                   element("tbody", {}, ...body));
};
