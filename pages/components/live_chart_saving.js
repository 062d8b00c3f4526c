// What is seen, as a file: the picture, or the numbers behind it. The numbers are those measured, neither smoothed nor thinned.

const COLUMNS = ["run", "series", "epoch", "step", "images", "seconds", "value"];

function save(name, content, type) {
  const link = Object.assign(document.createElement("a"), { download: name, href: URL.createObjectURL(new Blob([content], { type })) });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function fileName({ data, view, feeds }, ending) {
  const runs = feeds.map((feed) => feed.run);
  return `${runs.length > 4 ? `runs-${runs.length}` : `run-${runs.join("-")}`}-${data.words[`file_${view}`]}.${ending}`;
}

async function savePicture(chart) {
  const { clientWidth: width, clientHeight: height } = chart.plot;
  const picture = await window.Plotly.toImage(chart.plot, { format: "png", width, height, scale: 2 });
  save(fileName(chart, "png"), await (await fetch(picture)).blob(), "image/png");
}

// A cell that a spreadsheet would calculate is said to be text.
function cell(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "";
  if (typeof value === "number") return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

async function saveNumbers(chart) {
  const whole = chart.shelf ? await chart.shelf.whole() : new Map();
  const window = chart.zoom.x ?? chart.picture.whole;
  const lines = [...chart.picture.lines, ...chart.picture.noise].filter((line) => line.shown);
  const rows = lines.flatMap((line) => (line.means ? meanRows(line, window) : runRows(line, whole.get(line.feed.run) ?? line.feed, window, chart)));
  save(fileName(chart, "csv"), `${[COLUMNS, ...rows].map((row) => row.map(cell).join(",")).join("\n")}\n`, "text/csv;charset=utf-8");
}

function runRows(line, feed, [from, to], { axis, data }) {
  const [seen, images, seconds, epoch] = [axis, "images", "seconds", "epoch"].map((name) => placesOf(feed, name).row);
  const run = nameOf(line.feed, "", data);
  const rounded = (value, digits) => (value === null ? null : +value.toFixed(digits));
  return feed
    .rows(line.series)
    .filter((row) => seen(row) !== null && seen(row) >= from && seen(row) <= to)
    .map((row) => [run, line.series, rounded(epoch(row), 4), row[STEP], rounded(images(row), 0), rounded(seconds(row), 3), row[VALUE]]);
}

// A mean has no images and seconds of its own; its interval stands in two more series.
function meanRows({ name, series, means }, [from, to]) {
  return means
    .filter(({ x }) => x >= from && x <= to)
    .flatMap(({ epoch, step, mean, half }) => [
      [name, `${series}_mean`, epoch, step, null, null, mean],
      ...(half === null ? [] : [[name, `${series}_low`, epoch, step, null, null, mean - half], [name, `${series}_high`, epoch, step, null, null, mean + half]]), // prettier-ignore
    ]);
}
