// Reading the curves without a mouse: arrows go from epoch to epoch and, among many lines, from line to line; what is there is said.
// And the line that a mouse is on among many.

const MOST_SAID = 8; // lines in one sentence
const LEAST_WINDOW = 1 / 500; // of the whole width

// Places that the cursor stops at: the points of the lines, or of the one line it follows.
function stopsOf(chart) {
  const [from, to] = chart.picture.whole;
  const lines = chart.picture.lines.filter((line) => line.shown && (!chart.lifted || line.key === chart.lifted));
  const all = new Set(lines.flatMap((line) => line.x));
  return [...all].filter((x) => x !== null && x >= from && x <= to).sort((a, b) => a - b);
}

const nearest = (sorted, x) => {
  const after = firstIndex(sorted, (each) => each >= x);
  return after > 0 && (after === sorted.length || x - sorted[after - 1] <= sorted[after] - x) ? after - 1 : after;
};

const KEYS = {
  ArrowLeft: (chart) => move(chart, -1),
  ArrowRight: (chart) => move(chart, 1),
  ArrowUp: (chart) => choose(chart, 1),
  ArrowDown: (chart) => choose(chart, -1),
  Home: (chart) => move(chart, -Infinity),
  End: (chart) => move(chart, Infinity),
  "+": (chart) => widen(chart, 0.5),
  "=": (chart) => widen(chart, 0.5),
  "-": (chart) => widen(chart, 2),
  0: (chart) => chart.unzoom(),
  Escape: (chart) => chart.unzoom(),
};

function pressKey(chart, event) {
  const act = KEYS[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey || !chart.picture?.lines.length) return;
  event.preventDefault();
  act(chart);
}

function move(chart, by) {
  const stops = stopsOf(chart);
  if (!stops.length) return;
  const now = chart.cursor === null ? (by < 0 ? stops.length : -1) : nearest(stops, chart.cursor);
  chart.cursor = stops[Math.min(stops.length - 1, Math.max(0, now + by))];
  slide(chart);
  point(chart);
  chart.told.textContent = saidAt(chart);
}

// Of more lines than one sentence holds the cursor follows one.
function choose(chart, by) {
  const lines = chart.picture.lines.filter((line) => line.shown);
  if (lines.length <= MOST_SAID) return;
  const now = lines.findIndex((line) => line.key === chart.lifted);
  chart.lifted = lines[(now + by + lines.length) % lines.length].key;
  lift(chart);
  move(chart, 0);
}

// Keep the cursor in the window.
function slide(chart) {
  const window = chart.zoom.x;
  if (!window || (chart.cursor >= window[0] && chart.cursor <= window[1])) return;
  const by = chart.cursor < window[0] ? chart.cursor - window[0] : chart.cursor - window[1];
  chart.zoom.x = window.map((edge) => edge + by);
  chart.redraw(true);
}

function widen(chart, by) {
  const { whole } = chart.picture;
  const [from, to] = chart.zoom.x ?? whole;
  const middle = chart.cursor ?? (from + to) / 2;
  const wide = Math.max((to - from) * by, LEAST_WINDOW * (whole[1] - whole[0]));
  const low = Math.max(whole[0], middle - (wide * (middle - from)) / (to - from));
  chart.zoom = wide >= whole[1] - whole[0] ? {} : { x: [low, Math.min(whole[1], low + wide)] };
  chart.redraw(true);
}

// Plotly's own read-out, at the cursor instead of at the mouse.
function point(chart) {
  if (chart.cursor === null || chart.plot.data === undefined) return;
  const { panels, lines } = chart.picture;
  if (!panels[0].many) return window.Plotly.Fx.hover(chart.plot, { xval: chart.cursor }, panels.map((p) => `x${p.yref}`)); // prettier-ignore
  const line = lines.find((each) => each.key === chart.lifted) ?? lines[0];
  const curveNumber = chart.plot.data.findIndex((each) => each.uid === uidOf(line));
  window.Plotly.Fx.hover(chart.plot, [{ curveNumber, pointNumber: nearest(line.x, chart.cursor) }]);
}

function saidAt({ picture, cursor, axis, data, lifted }) {
  const here = (line) => (line.x.length ? nearest(line.x, cursor) : -1);
  const close = (picture.whole[1] - picture.whole[0]) / 1e6;
  const lines = picture.lines.filter((line) => line.shown && (!lifted || line.key === lifted));
  const values = lines
    .map((line) => ({ line, i: here(line) }))
    .filter(({ line, i }) => i >= 0 && Math.abs(line.x[i] - cursor) <= close)
    .slice(0, MOST_SAID)
    .map(({ line, i }) => `${line.name} ${line.told?.[i] ?? number(line.raw[i], line.view)}`);
  const marks = picture.marks.filter((mark) => Math.abs(mark.x - cursor) <= close).map((mark) => mark.hint ?? mark.label);
  return fill(data.words.read_out, { at: placeInWords(cursor, axis, data.words), values: [...values, ...marks].join(data.words.list) });
}

// ---- one line among many ----------------------------------------------------------------------------------------------

const uidOf = (line) => `bold ${line.view} ${line.key} ${line.series}`.replaceAll(" ", "-");

// Thick and above the others, which stand back. Straight on the drawing: a hundred lines are not drawn anew for it.
function lift(chart) {
  const lines = chart.picture.lines.filter((line) => line.key === chart.lifted);
  const some = chart.lifted !== null && chart.picture.panels[0].many && lines.length > 0;
  chart.plot.classList.toggle("one-lifted", some);
  const wanted = new Set(some ? lines.map((line) => `trace${uidOf(line)}`) : []);
  for (const drawn of chart.plot.querySelectorAll(".scatterlayer > .trace"))
    drawn.classList.toggle("lifted", [...drawn.classList].some((name) => wanted.has(name))); // prettier-ignore
  if (some) chart.root.setAttribute("data-lifted", lines[0].name);
  else chart.root.removeAttribute("data-lifted");
}
