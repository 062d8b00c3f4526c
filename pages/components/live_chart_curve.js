// One series of a run as numbers: smoothed and thinned anew only where it grew, and its place on each axis. Knows no drawing.

const MOST_DRAWN = 2000; // points of one line
const LONGEST_REACH = 12; // points to each side that smoothing looks at

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
const reachOf = (count) => (count < 8 ? 0 : Math.min(LONGEST_REACH, Math.max(1, Math.round(count / 25))));

function smoothedAt(i, value, count, reach) {
  if (value(i) === null) return null;
  let [sum, weight] = [0, 0];
  for (let j = Math.max(0, i - reach); j <= Math.min(count - 1, i + reach); j++) {
    const near = value(j);
    if (near === null) continue;
    sum += (reach + 1 - Math.abs(i - j)) * near;
    weight += reach + 1 - Math.abs(i - j);
  }
  return sum / weight;
}

function smoothed(values) {
  return values.map((_, i) => smoothedAt(i, (j) => values[j], values.length, reachOf(values.length)));
}

// Indices of the lowest, the highest and one gap from `start` to `end`.
function extremes(value, start, end) {
  let [low, high, gap] = [-1, -1, -1];
  for (let i = start; i < end; i++) {
    if (value(i) === null) gap = i;
    else {
      if (low < 0 || value(i) < value(low)) low = i;
      if (high < 0 || value(i) > value(high)) high = i;
    }
  }
  return [...new Set([low, high, gap])].filter((i) => i >= 0).sort((a, b) => a - b);
}

// Which of the values `from` to `to` to draw; buckets before the value that changed last are kept from one call to the next.
class Thinning {
  constructor() {
    Object.assign(this, { buckets: [], counted: 0, size: 1, key: "" });
  }

  indices(value, [from, to], most) {
    if (to - from <= most) return Array.from({ length: to - from }, (_, i) => from + i);
    const key = `${from} ${most}`;
    if (key !== this.key || to < this.counted) Object.assign(this, { key, buckets: [], counted: from, size: 1 });
    const size = this.size;
    while ((3 * (to - from)) / this.size > most - 5) this.size = Math.ceil(this.size * 1.25);
    if (size !== this.size) Object.assign(this, { buckets: [], counted: from });
    this.grow(value, from, to);
    const drawn = this.buckets.flat();
    if (drawn[0] !== from) drawn.unshift(from);
    if (drawn.at(-1) !== to - 1) drawn.push(to - 1);
    return drawn;
  }

  grow(value, from, to) {
    const stays = Math.max(0, Math.floor((this.counted - LONGEST_REACH - from) / this.size)); // smoothing changes the last ones
    this.buckets.length = Math.min(this.buckets.length, stays);
    for (let start = from + this.buckets.length * this.size; start < to; start += this.size)
      this.buckets.push(extremes(value, start, Math.min(to, start + this.size)));
    this.counted = to;
  }
}

class Curve {
  constructor(rows = []) {
    Object.assign(this, { rows: [], smooth: [], reach: 0, lowest: -1, thin: { raw: new Thinning(), smooth: new Thinning() } });
    rows.forEach((row) => this.push(row));
  }

  push(row) {
    this.rows.push(row);
    if (row[VALUE] !== null && (this.lowest < 0 || row[VALUE] < this.rows[this.lowest][VALUE])) this.lowest = this.rows.length - 1;
  }

  value(i) {
    return this.rows[i][VALUE];
  }

  // Only the values whose neighbours are new, unless the mean itself became wider.
  smoothen() {
    const [count, reach] = [this.rows.length, reachOf(this.rows.length)];
    const from = reach === this.reach ? Math.max(0, this.smooth.length - reach) : 0;
    if (reach !== this.reach) this.thin.smooth = new Thinning();
    for (let i = from; i < count; i++) this.smooth[i] = smoothedAt(i, (j) => this.rows[j][VALUE], count, reach);
    this.reach = reach;
  }

  // What is drawn of the rows `from` to `to`: indices, and always `best` among them.
  drawn(kind, span, most, best = -1) {
    if (kind === "smooth") this.smoothen();
    const value = kind === "smooth" ? (i) => this.smooth[i] : (i) => this.rows[i][VALUE];
    const indices = this.thin[kind].indices(value, span, most - 1);
    if (best < span[0] || best >= span[1]) return indices;
    const place = firstIndex(indices, (i) => i >= best);
    return indices[place] === best ? indices : [...indices.slice(0, place), best, ...indices.slice(place)];
  }
}

// ---- where a row lies: epoch, step, images, seconds -----------------------------------------------------------------

const AXES = ["epoch", "step", "images", "seconds"];
const BEGINNINGS = new Set(["model", "rewind"]); // events at which the clock of training starts or goes on

// Rows at the ends of epochs: where step, epoch and time are known together.
const endsOf = (feed) => [feed.rows("val_loss"), feed.rows("probe_loss")].find((rows) => rows.length) ?? [];

// Steps on the epoch axis: between ends of epochs a straight line, since the batch size (steps in an epoch) may change.
function stepToEpoch(feed, ends) {
  const [lastStep, lastEpoch] = ends.length ? [ends.at(-1)[STEP], ends.at(-1)[EPOCH]] : [0, 0];
  const pace = feed.hello?.steps_per_epoch ?? lastStep / lastEpoch;
  return (step) => {
    if (step >= lastStep) return pace > 0 ? lastEpoch + (step - lastStep) / pace : null;
    const after = firstIndex(ends, (row) => row[STEP] > step);
    const [s0, e0] = after ? [ends[after - 1][STEP], ends[after - 1][EPOCH]] : [0, 0];
    return e0 + ((ends[after][EPOCH] - e0) * (step - s0)) / (ends[after][STEP] - s0);
  };
}

// Seconds of training at a row: since its attempt began, on top of what the attempts before it had come to. Pauses count for nothing.
function clockOf(feed) {
  const rows = [...feed.series.values()].map((curve) => curve.rows).filter((each) => each.length);
  const outermost = (pick, better) => rows.map(pick).reduce((a, b) => (b && (!a || better(b, a)) ? b : a), undefined);
  const before = (seq) => outermost((each) => each[firstIndex(each, (row) => row[SEQ] > seq) - 1], (a, b) => a[SEQ] > b[SEQ]);
  const after = (seq) => outermost((each) => each[firstIndex(each, (row) => row[SEQ] > seq)], (a, b) => a[SEQ] < b[SEQ]);
  const starts = [{ seq: -1, time: after(-1)?.[TIME] ?? 0, base: 0 }];
  const clock = (row) => {
    const start = starts.findLast(({ seq }) => seq <= row[SEQ]);
    return start.base + Math.max(0, row[TIME] - start.time) / 1000;
  };
  for (const event of feed.events) {
    if (!BEGINNINGS.has(event.kind)) continue;
    const last = before(event.seq);
    const time = event.time ?? after(event.seq)?.[TIME] ?? 0;
    starts.push({ seq: event.seq, time, base: last ? clock(last) : 0 });
  }
  return clock;
}

// `row` and `epoch` give the place of a row and of a moment in epochs; `end` is where the run is planned to end. Null: not known.
function placesOf(feed, axis) {
  const ends = endsOf(feed);
  const toEpoch = stepToEpoch(feed, ends);
  const epochOf = (row) => (row[SERIES].startsWith("step_") ? toEpoch(row[STEP]) : row[EPOCH]);
  const images = feed.hello?.train_images ?? NaN;
  const scaled = (value, by) => (value === null || Number.isNaN(by) ? null : value * by);
  const clock = axis === "seconds" ? clockOf(feed) : null;
  const row = {
    epoch: epochOf,
    step: (each) => each[STEP],
    images: (each) => scaled(epochOf(each), images),
    seconds: (each) => clock(each),
  }[axis];
  const epoch = { epoch: (at) => at, images: (at) => scaled(at, images) }[axis] ?? ((at) => between(ends, row, at, paceOf(feed, ends, axis, row)));
  return { row, epoch, toEpoch, end: feed.hello?.epochs ? epoch(feed.hello.epochs) : null };
}

function paceOf(feed, ends, axis, place) {
  if (axis === "step" && feed.hello?.steps_per_epoch) return feed.hello.steps_per_epoch;
  return ends.length ? place(ends.at(-1)) / ends.at(-1)[EPOCH] : null;
}

// A moment in epochs, between the ends of epochs by a straight line and beyond the last at its pace.
function between(ends, place, epoch, pace) {
  const after = firstIndex(ends, (row) => row[EPOCH] >= epoch);
  const [e0, x0] = after ? [ends[after - 1][EPOCH], place(ends[after - 1])] : [0, 0];
  if (after === ends.length) return pace === null ? null : x0 + (epoch - e0) * pace;
  return x0 + ((place(ends[after]) - x0) * (epoch - e0)) / (ends[after][EPOCH] - e0);
}

// ---- what the curves tell --------------------------------------------------------------------------------------------

// The row of `measure` in the epoch of the lowest validation loss, as an index; -1 where there is none.
function bestIndex(feed, series) {
  const losses = feed.series.get("val_loss");
  const rows = feed.rows(series);
  if (!losses || losses.lowest < 0) return -1;
  const epoch = losses.rows[losses.lowest][EPOCH];
  const found = firstIndex(rows, (row) => row[EPOCH] >= epoch);
  return rows[found]?.[EPOCH] === epoch && rows[found][VALUE] !== null ? found : -1;
}

// Where the learning rate fell by half or more from one epoch to the next after it had been level (or to stay level, at the
// first epoch): a schedule that falls all the time, as cosine does, has no drops.
function rateDrops(feed) {
  const rows = feed.rows("learning_rate");
  const rate = (i) => rows[i]?.[VALUE] ?? NaN;
  const level = (i) => Math.abs(rate(i) - rate(i - 1)) <= 0.02 * rate(i - 1);
  const drops = [];
  for (let i = 1; i < rows.length; i++) {
    if (!(rate(i) > 0 && rate(i) <= rate(i - 1) / 2)) continue;
    if (level(i - 1) || drops.at(-1)?.i === i - 1 || (i === 1 && level(2)))
      drops.push({ i, seq: rows[i][SEQ], step: rows[i - 1][STEP], epoch: rows[i - 1][EPOCH], from: rate(i - 1), to: rate(i) });
  }
  return drops;
}

// Where the verdict became another one.
function verdictChanges(feed) {
  const told = feed.events.filter((event) => event.kind === "verdict");
  return told.filter((event, i) => i > 0 && event.data.name !== told[i - 1].data.name);
}
