// Lines: of one run or of the mean of several, in the units of the screen, thinned to what is drawn. Knows no Plotly.

const MANY = 8; // runs or groups: more have neither training curves nor words at their ends
const DASHES = ["solid", "2px 3px", "9px 3px 2px 3px", "12px 4px"]; // as often as the colours are used up

// Every line of one panel. A subject is the run that the chart follows, or a group of an overlay.
function linesIn(p) {
  return p.subjects.flatMap((subject) => (subject.feeds.length > 1 ? [meanLine(subject, p)] : runLines(subject, p))).filter(Boolean);
}

function runLines({ feeds: [feed], label, rank, main }, p) {
  const name = nameOf(feed, label, p);
  const said = (kind) => (p.panels.length > 1 ? p.words[`${kind}_${p.view}`] : p.words[kind]);
  const own = overlayLook(rank, p);
  const key = `${feed.run} ${rank}`;
  const training = main
    ? { name: said("training"), label: p.words.training, colour: p.theme.training, ink: p.theme.grey, key: "training", width: 1.8 }
    : { ...own, name: `${name}, ${p.words.training}`, key, quiet: true, width: 1.4 };
  const validation = main
    ? { name: said("validation"), label: p.words.validation, colour: p.theme.validation, key: "validation", width: 2.2 }
    : { ...own, name, label: name, key, width: p.many ? 1.3 : 2.2 };
  const drawn = [runLine(feed, "val", validation, p)];
  if (main || !(p.many || p.means)) drawn.unshift(runLine(feed, "probe", { ...training, dash: "5px 5px" }, p));
  return drawn;
}

const nameOf = (feed, label, o) => label || feed.hello?.name || fill(o.words.run, { run: feed.run });

function overlayLook(rank, { theme }) {
  const dash = DASHES[Math.floor(rank / theme.overlay.length) % DASHES.length];
  return { colour: theme.overlay[rank % theme.overlay.length], dash };
}

function runLine(feed, kind, look, p) {
  const series = `${kind}_${p.view}`;
  const curve = feed.series.get(series);
  const place = p.places(feed).row;
  if (!curve || curve.lowest < 0 || place(curve.rows[0]) === null) return null;
  const best = bestIndex(feed, series);
  const span = spanOf(curve.rows, place, p);
  const pick = (drawn, value) => ({ x: drawn.map((i) => place(curve.rows[i])), y: drawn.map((i) => drawnValue(value(i), p.view)) });
  const kept = curve.drawn(p.smooth ? "smooth" : "raw", span, p.most, best);
  const raw = (i) => curve.value(i);
  return {
    ...lookOf(look, p),
    ...pick(kept, p.smooth ? (i) => curve.smooth[i] : raw),
    raw: pick(kept, raw).y,
    faint: p.smooth && !look.quiet && !p.many ? pick(curve.drawn("raw", span, p.most, best), raw) : null,
    best: best < 0 || kind !== "val" ? null : { epoch: curve.rows[best][EPOCH], x: place(curve.rows[best]), y: drawnValue(raw(best), p.view) },
    feed,
    series,
  };
}

// Of many rows those that lie in the window, and one to each side.
function spanOf(rows, place, { zoom: { x: window }, most }) {
  if (!window || rows.length <= most) return [0, rows.length];
  const from = firstIndex(rows, (row) => place(row) >= window[0]);
  const to = firstIndex(rows, (row) => place(row) > window[1]);
  return [Math.max(0, from - 1), Math.min(rows.length, to + 1)];
}

const lookOf = (look, p) => ({ ink: look.colour, ...look, view: p.view, shown: !p.hidden.has(look.key) });

function meanLine({ feeds, label, rank }, p) {
  const series = `val_${p.view}`;
  const means = meansOf(feeds, series, p.places, p.every).filter((mean) => mean.x !== null);
  if (!means.length) return null;
  const scale = (value) => drawnValue(value, p.view);
  const calm = (values) => (p.smooth ? smoothed(values) : values);
  const half = means.map((mean) => mean.half);
  const y = calm(means.map((mean) => scale(mean.mean)));
  const bound = (side) => means.map((mean, i) => (half[i] === null ? null : scale(mean.mean + side * half[i])));
  const [low, high] = [bound(-1), bound(1)]; // as measured: a smoothed interval would be none
  return {
    ...lookOf({ ...overlayLook(rank, p), name: label, label, key: `group ${rank}`, width: p.many ? 1.6 : 2.2 }, p),
    x: means.map((mean) => mean.x),
    y,
    raw: means.map((mean) => scale(mean.mean)),
    told: means.map((mean) => intervalInWords(mean, p)),
    band: means.map((mean, i) => ({ x: mean.x, low: low[i], high: high[i], count: mean.count })),
    means,
    series,
    feeds,
  };
}

function intervalInWords({ mean, half, count }, p) {
  const value = number(drawnValue(mean, p.view), p.view);
  if (half === null) return fill(p.words.mean_of_one, { value });
  const said = p.view === "accuracy" ? (100 * half).toFixed(1) : number(half, p.view);
  return fill(p.words.mean, { value, half: said, count });
}

// The loss of every step, faint behind the curves of the run that the chart follows.
function noiseIn(p) {
  const feed = p.main;
  const curve = feed?.series.get(`step_${p.view}`);
  if (!curve || p.hidden.has("training")) return [];
  const { row: place } = p.places(feed);
  if (place(curve.rows[0]) === null) return [];
  const drawn = curve.drawn("raw", spanOf(curve.rows, place, p), p.most);
  const y = drawn.map((i) => drawnValue(curve.value(i), p.view));
  return [{ x: drawn.map((i) => place(curve.rows[i])), y, feed, series: `step_${p.view}`, shown: true, view: p.view }];
}

function lastPoint(line) {
  const last = line.y.findLastIndex((value) => value !== null);
  return { x: line.x[last], y: line.y[last] };
}
