// What is marked on the curves: the best epoch, the epochs of the verdict, changes, attempts. Pure functions, as in `live_chart_picture.js`.

const QUIET_VERDICTS = new Set(["healthy", "too_early"]);
const MOST_TRIES = 4; // the last ones; more would be a fence

// The best epoch's star; its words go where no line and no other word is, preferably to the better side.
function star(feed, lines, labels, { x, y }, o) {
  const best = feed && bestRow(feed, o.view);
  if (!best || o.hidden.has("validation")) return { traces: [], annotations: [] };
  const point = { x: best[EPOCH], y: drawnValue(best[VALUE], o.view) };
  const across = (value) => ((value - x[0]) / (x[1] - x[0])) * o.plotWidth;
  const up = (value) => ((value - y[0]) / (y[1] - y[0])) * o.plotHeight;
  const level = (value) => (o.log ? Math.log10(value) : value);
  const text = fill(o.words.best, { epoch: best[EPOCH] });
  const half = textWidth(text, o.theme, 11.5) / 2;
  const shift = Math.max(0, half - across(point.x)); // not over the ticks at the left
  const [middle, height] = [across(point.x) + shift, up(level(point.y))];
  const dots = lines.flatMap((line) =>
    line.y.map((value, i) => ({ from: across(line.x[i]), to: across(line.x[i]), at: up(level(value)), reach: 9 })),
  );
  const boxes = labels.map((label) => {
    const from = across(label.x) + label.xshift;
    return { from, to: from + textWidth(label.text, o.theme), at: up(label.y) + label.yshift, reach: 14 };
  });
  const near = [...dots, ...boxes].filter((thing) => thing.to > middle - half && thing.from < middle + half);
  const free = (rise) => !near.some((thing) => Math.abs(height + rise - thing.at) < thing.reach);
  const better = o.view === "loss" ? -1 : 1;
  const rise = [19, -19, 36, -36, 52].map((distance) => better * distance).find(free) ?? 19 * better;
  const said = words(escaped(text), point.x, level(point.y), o.theme.text, { xshift: shift, yshift: rise });
  return {
    x: point.x,
    traces: [markers([point], { symbol: "star", size: 14, color: o.theme.validation, opacity: 1 }, o)],
    annotations: [said],
  };
}

const upright = (x, color, more) => ({
  type: "line",
  x0: x,
  x1: x,
  yref: "paper",
  y0: 0,
  y1: 1,
  layer: "below",
  line: { color, width: 1 },
  ...more,
});

// The epochs the verdict talks about, amber; and a thin line for each change of the ledger.
function marks(feed, end, { x, y }, o) {
  const verdict = feed?.events.findLast((event) => event.kind === "verdict")?.data;
  const told = verdict && !QUIET_VERDICTS.has(verdict.name) && verdict.since_epoch !== null && end > verdict.since_epoch;
  const band = {
    type: "rect",
    x0: verdict?.since_epoch,
    x1: end,
    yref: "paper",
    y0: 0,
    y1: 1,
    layer: "below",
    line: { width: 0 },
    fillcolor: o.theme.amber,
    opacity: 0.11,
  };
  const at = feed ? stepToEpoch(feed) : null;
  const marked = (feed?.events ?? []).map((event) => ({ ...event, x: at(event.step) ?? event.epoch }));
  const changes = marked.filter((event) => event.kind === "ledger");
  const tries = marked.filter((event) => event.kind === "rewind" && event.data.attempt).slice(-MOST_TRIES);
  const feet = markers(
    changes.map((change) => ({ x: change.x, y: o.log ? 10 ** y[0] : y[0] })),
    { size: 6.5, color: o.theme.background, line: { color: o.theme.accent, width: 1.5 } },
    o,
  );
  return {
    traces: changes.length ? [feet] : [],
    shapes: [
      ...(told ? [band] : []),
      ...tries.map((next) => upright(next.x, o.theme.grey, { line: { color: o.theme.grey, width: 1, dash: "2px 3px" } })),
      ...changes.map((change) => upright(change.x, o.theme.accent)),
    ],
    annotations: [...changeWords(changes, x, o), ...attemptWords(tries, x, o)],
  };
}

// At the foot, where curves of losses leave room; of two that would touch the later one.
function attemptWords(tries, [low, high], o) {
  const said = tries.map((next) => ({ x: next.x, text: fill(o.words.attempt, { attempt: next.data.attempt }) }));
  const room = (i) => (((said[i + 1]?.x ?? Infinity) - said[i].x) / (high - low)) * o.plotWidth;
  const look = { yref: "paper", xanchor: "left", yanchor: "bottom", xshift: 4, yshift: 2 };
  return said
    .filter(({ x, text }, i) => x >= low && x <= high && room(i) > textWidth(text, o.theme, 11.5) + 8)
    .map(({ x, text }) => words(escaped(text), x, 0, o.theme.grey, look));
}

// Beside its line when there is room; lower when another is close; only a number when there are many.
function changeWords(changes, [low, high], o) {
  const inside = changes.filter((change) => change.x >= low && change.x <= high);
  const numbered = inside.length > (o.narrow ? 1 : 3);
  const taken = [];
  return inside.map((change, i) => {
    const label = numbered ? String(i + 1) : String(change.data.label);
    const left = ((change.x - low) / (high - low)) * o.plotWidth;
    const width = textWidth(label, o.theme, 11.5) + 14;
    const leftward = left + width > o.plotWidth && left > width;
    const from = leftward ? left - width : left;
    const tier = numbered
      ? 0
      : ([0, 1, 2, 3].find((row) => !taken.some((other) => other.row === row && from < other.to && from + width > other.from)) ?? 3);
    taken.push({ row: tier, from, to: from + width });
    const applied = fill(o.words.applied_at, { step: change.step.toLocaleString("en") });
    const second = inside.length === 1 && !o.narrow ? `<br><span style="color:${o.theme.grey}">${escaped(applied)}</span>` : "";
    return words(escaped(label) + second, change.x, 1, o.theme.text, {
      yref: "paper",
      align: "left",
      xanchor: leftward ? "right" : "left",
      yanchor: "top",
      xshift: leftward ? -6 : 6,
      yshift: -17 * tier,
    });
  });
}
