// What the live chart knows: one run's socket, the rows received from it, and pure functions from rows to numbers.
// Draws nothing. `live_chart.py` joins this file and the other three into one module.

const MOST_DRAWN = 2000; // points of one series
const REFUSALS = new Set([1008, 4404]); // not allowed here, no such run: asking again would not help
const FIRST_RETRY_MS = 250,
  LAST_RETRY_MS = 5000;
const SEQ = 0,
  SERIES = 1,
  STEP = 2,
  EPOCH = 3,
  VALUE = 4,
  TIME = 5; // fields of a row

// Where the server lives, also below a prefix: Streamlit's own script lies at <root>/static/js/.
function serverRoot() {
  const script = document.querySelector('script[type="module"][src*="static/js/"]');
  return script ? new URL("../../", script.src) : new URL("./", document.baseURI);
}

// ---- feed: one run's socket and everything received from it --------------------------------------------------------

class Feed {
  constructor(run, changed) {
    Object.assign(this, { run, changed, seq: 0, series: new Map(), events: [], points: 0, last: 0, tries: 0, state: "connecting" });
    this.open();
  }

  open() {
    if (document.hidden || this.state === "ended") return;
    const url = new URL(`live?run=${this.run}&since=${this.seq}`, serverRoot());
    url.protocol = url.protocol.replace("http", "ws");
    const socket = (this.socket = new WebSocket(url));
    socket.onmessage = (message) => socket === this.socket && this.take(JSON.parse(message.data));
    socket.onclose = (close) => socket === this.socket && (REFUSALS.has(close.code) ? this.take({ kind: "end" }) : this.retry());
  }

  pause() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  resume() {
    this.pause();
    this.open();
  }

  reopen() {
    this.state = "connecting";
    this.resume();
  }

  retry() {
    if (this.state === "ended") return;
    this.state = "reconnecting";
    const wait = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.tries++) * (0.75 + Math.random() / 4);
    this.timer = setTimeout(() => this.open(), wait);
    this.changed();
  }

  take(message) {
    this.tries = 0;
    this.state = message.kind === "end" ? "ended" : "live";
    if (message.kind === "hello") this.hello = message;
    if (message.kind === "rows") this.takeRows(message);
    this.changed();
  }

  takeRows({ seq, rows = [], events = [] }) {
    for (const row of rows) if (row[SEQ] > this.seq) this.keep(row);
    for (const event of events) if (event.seq > this.seq) this.mark(event);
    this.seq = Math.max(this.seq, seq);
  }

  keep(row) {
    if (!this.series.has(row[SERIES])) this.series.set(row[SERIES], []);
    this.series.get(row[SERIES]).push(row);
    this.points += 1;
    this.last = row[TIME];
  }

  mark(event) {
    if (event.kind === "rewind") this.rewind(event);
    this.events.push(event);
  }

  // What lies behind the step from which a new attempt goes on was never learned by the weights there are now.
  rewind(event) {
    const stays = (seq, step) => step <= event.step || seq > event.seq;
    for (const [name, rows] of this.series)
      this.series.set(
        name,
        rows.filter((row) => stays(row[SEQ], row[STEP])),
      );
    this.events = this.events.filter((old) => stays(old.seq, old.step) && !(old.kind === "rewind" && old.step === event.step));
    this.points = [...this.series.values()].reduce((sum, rows) => sum + rows.length, 0);
  }
}

// ---- curves: pure functions from rows to numbers -------------------------------------------------------------------

// Steps on the epoch axis: between ends of epochs a straight line, since the batch size (steps in an epoch) may change.
function stepToEpoch(feed) {
  const ends = feed.series.get("val_loss") ?? feed.series.get("probe_loss") ?? [];
  const anchors = [[0, 0], ...ends.map((row) => [row[STEP], row[EPOCH]])];
  const [lastStep, lastEpoch] = anchors.at(-1);
  const pace = feed.hello?.steps_per_epoch ?? lastStep / lastEpoch;
  return (step) => {
    if (step >= lastStep) return pace > 0 ? lastEpoch + (step - lastStep) / pace : null;
    const after = firstIndex(anchors, (anchor) => anchor[0] > step);
    const [[s0, e0], [s1, e1]] = [anchors[after - 1], anchors[after]];
    return e0 + ((e1 - e0) * (step - s0)) / (s1 - s0);
  };
}

function firstIndex(sorted, holds) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(sorted[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

// Centred triangular mean over up to 25 points, so that turns stay where they are. Gaps stay gaps.
function smoothed(values) {
  if (values.length < 8) return values;
  const reach = Math.min(12, Math.max(1, Math.round(values.length / 25)));
  return values.map((value, i) => {
    if (value === null) return null;
    let [sum, weight] = [0, 0];
    for (let j = Math.max(0, i - reach); j <= Math.min(values.length - 1, i + reach); j++) {
      if (values[j] === null) continue;
      const w = reach + 1 - Math.abs(i - j);
      sum += w * values[j];
      weight += w;
    }
    return sum / weight;
  });
}

// Indices to draw: the lowest, the highest and one gap of each bucket, and both ends.
function thinned(values, most = MOST_DRAWN) {
  if (values.length <= most) return values.map((_, i) => i);
  const size = Math.ceil((3 * values.length) / (most - 2));
  const kept = new Set([0, values.length - 1]);
  for (let start = 0; start < values.length; start += size) {
    let [low, high, gap] = [-1, -1, -1];
    for (let i = start; i < Math.min(values.length, start + size); i++) {
      if (values[i] === null) gap = i;
      else {
        if (low < 0 || values[i] < values[low]) low = i;
        if (high < 0 || values[i] > values[high]) high = i;
      }
    }
    for (const i of [low, high, gap]) if (i >= 0) kept.add(i);
  }
  return [...kept].sort((a, b) => a - b);
}

function bestRow(feed, view) {
  const losses = (feed.series.get("val_loss") ?? []).filter((row) => row[VALUE] !== null);
  if (!losses.length) return null;
  const best = losses.reduce((low, row) => (row[VALUE] < low[VALUE] ? row : low));
  return (feed.series.get(`val_${view}`) ?? []).find((row) => row[EPOCH] === best[EPOCH] && row[VALUE] !== null) ?? null;
}

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

// Ranges follow the numbers until the person zooms; the horizontal one runs to the planned end.
function ranges(lines, steps, feeds, o) {
  const drawable = ([, y]) => y !== null && (!o.log || y > 0);
  const ends = [...lines.map((line) => line.x.at(-1)), ...steps.slice(-1).map(([x]) => x), ...feeds.map((feed) => feed.hello?.epochs ?? 0)];
  const measured = lines
    .filter((line) => line.shown)
    .flatMap((line) => line.y.map((y, i) => [line.x[i], y]))
    .filter(drawable);
  const points = measured.length ? measured : steps.filter(drawable);
  return { x: o.zoom.xaxis ?? [0, Math.max(1, ...ends)], y: o.zoom.yaxis ?? fittedRange(points, o) };
}

function fittedRange(points, o) {
  if (!points.length) return o.log ? [-1, 0] : [0, o.view === "accuracy" ? 100 : 1];
  let [low, high] = focus(points, o.view === "accuracy");
  if (o.log) return [Math.log10(low) - 0.04, Math.log10(Math.max(high, 1.2 * low)) + 0.04];
  if (o.view === "loss") low = Math.min(0, low);
  if (high - low < 1e-9) [low, high] = [low - Math.abs(low) / 20, high + (Math.abs(high) / 20 || 1)];
  const step = niceStep(low, high, o.rows);
  const [bottom, top] = [Math.floor(low / step + 1e-6) * step, Math.ceil(high / step - 1e-6) * step];
  return [bottom, top + (top - bottom) / 150]; // Plotly draws no grid line on the very edge
}

function lastPoint(line) {
  const last = line.y.findLastIndex((value) => value !== null);
  return { x: line.x[last], y: line.y[last] };
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

// Accuracy is drawn in per cent, so that ticks, hover and words agree.
const drawnValue = (value, view) => (value !== null && view === "accuracy" ? 100 * value : value);

function number(value, view) {
  if (value === null || value === undefined) return "–";
  if (view === "accuracy") return `${value.toFixed(1)}\u00a0%`;
  return Math.abs(value) >= 0.001 || value === 0 ? value.toFixed(Math.abs(value) < 0.1 ? 4 : 3) : value.toExponential(2);
}
