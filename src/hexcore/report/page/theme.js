// Light and dark: the system's choice until the reader makes another.

const palette = ["#4c8bf5", "#f2a33a", "#3fb58f", "#e5675e", "#a67be8", "#5cc4dd", "#e787bd",
                 "#a3bf4a", "#b98a63", "#7f8ff0"];
const greys = {"all others": "#98a2ae", "other programs, driver": "#c3cad3"};
const colours = new Map();

/** The colour of a series, the same in every chart and map. */
const colourOf = (name) => {
    if (Object.hasOwn(greys, name)) return greys[name];
    if (name.startsWith("outside ")) return greys["all others"];
    if (!colours.has(name)) colours.set(name, palette[colours.size % palette.length]);
    return colours.get(name);
};

const styleOf = (name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
let chosenTheme = null;
const themeListeners = [];

const applyTheme = () => {
    document.documentElement.dataset.theme = chosenTheme ?? (systemIsDark.matches ? "dark"
                                                                                  : "light");
    themeListeners.forEach((listener) => listener());
};

const toggleTheme = () => {
    chosenTheme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    applyTheme();
};

systemIsDark.addEventListener("change", applyTheme);
