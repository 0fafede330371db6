// The page of a recording.

keys.push(...timeKeys, ...stackKeys, ...pageKeys);
applyTheme();
drawHeading();
drawDevices();
drawTimeline(data.charts.filter((chart) => chart.times_us.length > 0).map(decodeChart),
             data.recording.duration_ms / 1e3);
drawPeaks();
drawGrowth();
drawLabels();
drawProcesses();
drawNotes();
finishPage();
