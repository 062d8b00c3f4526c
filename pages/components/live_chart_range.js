// Ranges and ticks of the axes, and numbers as people read them. Pure functions.

function extent(values) {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}

// The range that shows what matters: a steep beginning may leave the frame when it would flatten the rest.
function focus(points, keepsHigh) {
  const from = points.length < 16 ? 0 : 0.15 * extent(points.map(([x]) => x))[1];
  const whole = extent(points.map(([, y]) => y));
  const later = extent(points.filter(([x]) => x >= from).map(([, y]) => y));
  const range = whole[1] - whole[0] <= 1.5 * (later[1] - later[0]) ? whole : later;
  return keepsHigh ? [range[0], whole[1]] : [whole[0], range[1]];
}

function niceStep(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * [1, 2, 2.5, 5, 10].find((times) => times * power >= rough * 0.99);
}

// The horizontal range runs to the planned end until the person zooms.
function wholeWidth(lines, feeds, o) {
  const ends = [...lines.map((line) => line.x.at(-1)), ...feeds.map((feed) => o.places(feed).end)];
  const least = o.axis === "epoch" ? 1 : 0;
  return [0, Math.max(least, ...ends.filter((end) => end !== null && end !== undefined)) || 1];
}

// The vertical one follows the numbers until the person zooms.
function heightOf(lines, noise, p) {
  if (p.zoom[p.view]) return p.zoom[p.view];
  const [from, to] = p.zoom.x ?? [-Infinity, Infinity];
  const drawable = ([x, y]) => y !== null && (!p.log || y > 0) && x >= from && x <= to;
  const placed = (line) => line.y.map((y, i) => [line.x[i], y]);
  const ceiling = p.view === "accuracy" ? 100 : Infinity;
  const sure = (line) => (line.band ?? []).filter(({ low, count }) => low !== null && count > 2); // two runs know next to nothing
  const bounds = (line) => sure(line).flatMap(({ x, low, high }) => [[x, Math.max(0, low)], [x, Math.min(ceiling, high)]]); // prettier-ignore
  const measured = lines.filter((line) => line.shown).flatMap((line) => [...placed(line), ...bounds(line)]).filter(drawable); // prettier-ignore
  return fittedRange(measured.length ? measured : noise.flatMap(placed).filter(drawable), p);
}

function fittedRange(points, p) {
  if (!points.length) return p.log ? [-1, 0] : [0, p.view === "accuracy" ? 100 : 1];
  let [low, high] = p.zoom.x ? extent(points.map(([, y]) => y)) : focus(points, p.view === "accuracy");
  if (p.log) return [Math.log10(low) - 0.04, Math.log10(Math.max(high, 1.2 * low)) + 0.04];
  if (p.view === "loss" && !p.zoom.x) low = Math.min(0, low);
  if (high - low < 1e-9) [low, high] = [low - Math.abs(low) / 20, high + (Math.abs(high) / 20 || 1)];
  const step = niceStep(low, high, p.rows);
  const [bottom, top] = [Math.floor(low / step + 1e-6) * step, Math.ceil(high / step - 1e-6) * step];
  return [bottom, top + (top - bottom) / 150]; // Plotly draws no grid line on the very edge
}

// Ticks of a logarithmic axis whose range is given in powers of ten; even steps where it spans less than a decade or so.
function logTicks(range, count) {
  const [low, high] = range.map((power) => 10 ** power);
  const decades = Array.from({ length: Math.ceil(range[1]) - Math.floor(range[0]) + 1 }, (_, i) => 10 ** (Math.floor(range[0]) + i));
  for (const digits of [[1, 2, 5], [1, 3], [1]]) {
    const ticks = decades
      .flatMap((ten) => digits.map((digit) => +(digit * ten).toPrecision(1)))
      .filter((tick) => tick >= low && tick <= high);
    if (ticks.length > 2 && ticks.length <= count + 1) return ticks;
  }
  const step = niceStep(low, high, count);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => +((first + i) * step).toPrecision(6));
}

const quietTicks = (o) => ({
  zeroline: false,
  ticks: "outside",
  tickcolor: "rgba(0,0,0,0)",
  tickfont: { color: o.theme.grey, size: 11.5 },
  layer: "below traces",
});

function evenAxis(range, count, o, least = 0) {
  const step = Math.max(least, niceStep(...range, count));
  const decimals = [0, 1, 2, 3, 4, 5].find((digits) => Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) < 1e-6) ?? 6;
  const format = range[1] >= 10_000 ? "~s" : decimals > 4 ? "~e" : decimals ? `.${decimals}f` : ",d";
  return { range, tick0: 0, dtick: step, tickformat: format, ...quietTicks(o) };
}

function logAxis(range, o) {
  const ticks = logTicks(range, o.rows);
  return { type: "log", range, tickvals: ticks, ticktext: ticks.map(String), ...quietTicks(o) };
}

// Accuracy is drawn in per cent, so that ticks, hover and words agree.
const drawnValue = (value, view) => (value !== null && view === "accuracy" ? 100 * value : value);

function number(value, view) {
  if (value === null || value === undefined) return "–";
  if (view === "accuracy") return `${value.toFixed(1)}\u00a0%`;
  return Math.abs(value) >= 0.001 || value === 0 ? value.toFixed(Math.abs(value) < 0.1 ? 4 : 3) : value.toExponential(2);
}

// As people write learning rates: 0.01, 2.5e-4.
const rateInWords = (rate) => (rate >= 0.01 ? String(+rate.toPrecision(3)) : (+rate.toPrecision(3)).toExponential().replace("e+", "e"));

// A place on the horizontal axis as the read-out says it.
function placeInWords(at, axis, said) {
  const digits = { epoch: 2, step: 0, images: 0, seconds: at < 100 ? 1 : 0 }[axis];
  return fill(said[`at_${axis}`], { at: at.toLocaleString("en", { maximumFractionDigits: digits }) });
}
