// What is marked on the curves: the epochs of the verdict, stages, changes of knobs and of the verdict, drops of the
// learning rate, attempts.

const QUIET_VERDICTS = new Set(["healthy", "too_early"]);
const MOST_MARKS = { ledger: Infinity, stage: 4, verdict: 6, rate: 6, attempt: 4 }; // the last ones; more would be a fence
const NUMBERED = 3; // more changes than this carry only their number

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

const dotted = (color) => ({ line: { color, width: 1, dash: "2px 3px" } });

// Everything that is marked of the run that the chart follows, those first whose words matter most.
function marksOf(feed, o) {
  if (!feed) return [];
  const places = o.places(feed);
  const at = ({ step, epoch }) => (o.axis === "step" ? step : places.epoch(places.toEpoch(step) ?? epoch));
  const placed = (kind, events, look) =>
    events
      .map((event, i) => ({ kind, event, x: at(event), ink: o.theme.text, ...look(event, i) }))
      .filter((mark) => mark.x !== null)
      .slice(-MOST_MARKS[kind]);
  const changes = feed.events.filter((event) => event.kind === "ledger");
  const tries = feed.events.filter((event) => event.kind === "rewind" && event.data.attempt);
  return [
    ...placed("ledger", changes, (event, i) => changeLook(event, i, changes.length, o)),
    ...placed("stage", stagesOf(feed), (event) => stageLook(event, o)),
    ...placed("attempt", tries, (event) => attemptLook(event, o)),
    ...placed("verdict", verdictChanges(feed), (event) => verdictLook(event, o)),
    ...placed("rate", rateDrops(feed), (drop) => rateLook(drop, o)),
  ];
}

function changeLook({ step, data }, i, count, o) {
  const colour = o.theme.accent;
  if (count > (o.narrow ? 1 : NUMBERED)) return { label: String(i + 1), hint: String(data.label), colour };
  const applied = fill(o.words.applied_at, { step: step.toLocaleString("en") });
  return { label: String(data.label), second: count === 1 && !o.narrow ? applied : "", colour };
}

function verdictLook({ data }, o) {
  const colour = QUIET_VERDICTS.has(data.name) ? o.theme.grey : o.theme.amber;
  const variant = (data.modifiers ?? []).map((modifier) => o.verdicts[`${data.name}_${modifier}`]).find(Boolean);
  return { label: variant ?? o.verdicts[data.name] ?? data.name, colour, ...dotted(colour) };
}

function rateLook({ from, to }, o) {
  const label = fill(o.words.rate_drop, { from: rateInWords(from), to: rateInWords(to) });
  return { label, colour: o.theme.grey, ...dotted(o.theme.grey) };
}

// Where other layers learn than before; of one told again by a new attempt the last word.
function stagesOf(feed) {
  const told = new Map(feed.events.filter((event) => event.kind === "stage").map((event) => [event.step, event]));
  return [...told.values()].filter(({ data }, i, all) => !i || data.frozen !== all[i - 1].data.frozen);
}

function stageLook({ data }, o) {
  const learning = data.layers - data.frozen;
  const words = data.frozen === 0 ? o.words.all_learn : learning === 1 ? o.words.last_learns : o.words.last_learn;
  const label = fill(words, { count: learning });
  const hint = fill(o.words.stage, { number: data.number, stages: data.stages, label });
  return { label, hint, colour: o.theme.grey, ...dotted(o.theme.grey) };
}

function attemptLook({ data }, o) {
  return { label: fill(o.words.attempt, { attempt: data.attempt }), ink: o.theme.grey, colour: o.theme.grey, foot: true, ...dotted(o.theme.grey) };
}

// The epochs the verdict talks about, in amber, to the end of the curves.
function bandOf(feed, lines, o) {
  const verdict = feed?.events.findLast((event) => event.kind === "verdict")?.data;
  if (!verdict || QUIET_VERDICTS.has(verdict.name) || verdict.since_epoch === null) return [];
  const from = o.places(feed).epoch(verdict.since_epoch);
  const rows = endsOf(feed);
  const to = rows.length ? o.places(feed).row(rows.at(-1)) : null;
  if (from === null || to === null || to <= from) return [];
  const look = { layer: "below", line: { width: 0 }, fillcolor: o.theme.amber, opacity: 0.11 };
  return [{ type: "rect", x0: from, x1: to, yref: "paper", y0: 0, y1: 1, ...look }];
}

// Lines through all panels, feet at the lowest, words in the upper one.
function marked(feed, lines, taken, [first, last]) {
  const marks = marksOf(feed, first);
  const inside = marks.filter(({ x }) => x >= first.range.x[0] && x <= first.range.x[1]);
  const changes = marks.filter((mark) => mark.kind === "ledger");
  const foot = last.log ? 10 ** last.range.y[0] : last.range.y[0];
  const feet = markers(
    changes.map(({ x }) => ({ x, y: foot })),
    { size: 6.5, color: first.theme.background, line: { color: first.theme.accent, width: 1.5 } },
    last,
  );
  const said = placeMarks(inside, taken, dotsOf(lines, first), first).sort((a, b) => a.x - b.x);
  return {
    marks,
    traces: changes.length ? [feet] : [],
    shapes: [...bandOf(feed, lines, first), ...marks.map(({ x, colour, line }) => upright(x, colour, line ? { line } : {}))],
    annotations: said.map(({ annotation }) => annotation),
  };
}
