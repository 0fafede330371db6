// The page of a run of tests.

keys.push(
    {keys: ["/"], shown: "/", does: "search", act: () => byId("search")?.focus()},
    {keys: ["j"], shown: "j", does: "the next test", act: () => moveTest(1)},
    {keys: ["k"], shown: "k", does: "the test before", act: () => moveTest(-1)},
    {keys: ["o"], shown: "o", does: "open it, or close it", when: () => list.rows.has(list.current),
     act: () => toggleTest(list.current)},
    {keys: ["f"], shown: "f", does: "those that failed; all again", act: () => toggleFailures()},
    {keys: ["Escape"], shown: "Esc", does: "search for nothing", whileTyping: true,
     when: () => list.words !== "", act: () => clearSearch()},
    ...timeKeys, ...stackKeys, ...pageKeys);
applyTheme();
drawHeading();
drawCards();
drawTime();
drawTests();
drawClaims();
drawChanges();
drawMachine();
const firstFailure = failures()[0];
if (firstFailure) toggleTest(firstFailure);
finishPage();
