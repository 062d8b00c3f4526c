// The live chart in the page: what is drawn with Plotly, and the frame around it. Rows and numbers come from `live_chart_data.js`.

const REDRAW_MS = 120; // at most about 8 pictures a second
const NARROW = 480, NARROW_HEIGHT = 186; // px
const QUIET_VERDICTS = new Set(["healthy", "too_early"]);

// ---- entry: Streamlit calls this at every rerun and theme change -------------------------------------------------

const charts = new WeakMap();

export default function ({ data, parentElement }) {
  if (!charts.has(parentElement)) charts.set(parentElement, new Chart(parentElement));
  const chart = charts.get(parentElement);
  chart.show(data);
  const turn = ++chart.turn;
  return () => {
    if (chart.turn !== turn) return; // a late cleanup of an earlier call must not close what a later call uses
    chart.close();
    charts.delete(parentElement);
  };
}

let library;

function loadPlotly() {
  return (library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("assets/plotly.min.js", serverRoot());
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => ((library = undefined), script.remove(), reject(new Error("plotly.min.js did not load")));
    document.head.append(script);
  }));
}

// ---- picture: traces and layout for Plotly -------------------------------------------------------------------------

const MARGIN = { left: 40, top: 14, bottom: 26 };
const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const fill = (text, fields) => text.replace(/\{(\w+)\}/g, (_, name) => fields[name]);
const pen = document.createElement("canvas").getContext("2d");

function textWidth(text, theme, size = 12) {
  pen.font = `${size}px ${theme.font}`;
  return pen.measureText(text).width;
}

// Accuracy is drawn in per cent, so that ticks, hover and words agree.
const drawnValue = (value, view) => (value !== null && view === "accuracy" ? 100 * value : value);

function number(value, view) {
  if (value === null || value === undefined) return "–";
  if (view === "accuracy") return `${value.toFixed(1)}\u00a0%`;
  return Math.abs(value) >= 0.001 || value === 0 ? value.toFixed(Math.abs(value) < 0.1 ? 4 : 3) : value.toExponential(2);
}

function readTheme(root, colours) {
  const css = getComputedStyle(root);
  const get = (name, otherwise) => css.getPropertyValue(`--st-${name}`).trim() || otherwise;
  pen.fillStyle = get("background-color", "#ffffff");
  const background = pen.fillStyle;
  const dark = parseInt(background.slice(3, 5), 16) < 128; // the green of #rrggbb weighs most in brightness
  const own = dark ? ["#6aa9ff", "#77838f", "#a98df5", "#148f82", "#e0a94a"] : ["#1f6fd6", "#98a4b1", "#7c5cd6", "#0f766e", "#b7791f"];
  const given = get("chart-categorical-colors", "").split(/,(?![^(]*\))/).map((colour) => colour.trim()).filter(Boolean);
  const [validation, training, , accent, amber] = given.length >= 5 ? given : own;
  return {
    validation, training, accent, amber, background,
    overlay: dark ? colours.dark : colours.light,
    text: get("text-color", dark ? "#e4e8eb" : "#14181d"),
    grey: get("gray-text-color", dark ? "#98a2ab" : "#68727c"),
    border: get("border-color", dark ? "#2a3035" : "#e4e7ea"),
    font: get("font", "sans-serif"),
  };
}

// Every line of one run: measured values, the values drawn, colour and words.
function linesOf(feed, rank, o) {
  const main = feed.run === o.main;
  const name = feed.hello?.name || fill(o.words.run, { run: feed.run });
  const colour = o.theme.overlay[rank % o.theme.overlay.length];
  const line = (series, look) => {
    const rows = feed.series.get(`${series}_${o.view}`) ?? [];
    const raw = rows.map((row) => drawnValue(row[VALUE], o.view));
    return { x: rows.map((row) => row[EPOCH]), raw, y: o.smooth ? smoothed(raw) : raw, ...look };
  };
  const training = main ? { name: o.words.training, label: o.words.training, colour: o.theme.training, ink: o.theme.grey, key: "training" }
    : { name: `${name}, ${o.words.training}`, colour, key: name + feed.run };
  const validation = main ? { name: o.words.validation, label: o.words.validation, colour: o.theme.validation, key: "validation" }
    : { name, label: name, colour, key: name + feed.run };
  return [line("probe", { ...training, dash: "5px 5px", width: 1.8 }), line("val", { ...validation, width: 2.2 })]
    .map((each) => ({ ink: each.colour, ...each, shown: !o.hidden.has(each.key) }))
    .filter((each) => each.raw.some((value) => value !== null));
}

function stepLine(feed, o) {
  const rows = feed.series.get(`step_${o.view}`) ?? [];
  const x = stepToEpoch(feed);
  const placed = thinned(rows.map((row) => row[VALUE])).map((i) => [x(rows[i][STEP]), drawnValue(rows[i][VALUE], o.view)]);
  return placed.filter(([at]) => at !== null);
}

function trace(x, y, line, more) {
  return { type: "scatter", mode: "lines", x, y, line, hoverinfo: "skip", showlegend: false, connectgaps: false, ...more };
}

function lineTraces(line, o) {
  const drawn = thinned(line.y);
  const pick = (values) => drawn.map((i) => values[i]);
  const bold = trace(pick(line.x), pick(line.y), { color: line.colour, width: line.width, dash: line.dash }, {
    name: escaped(line.name), visible: line.shown, hoverinfo: "all",
    customdata: pick(line.raw).map((value) => number(value, o.view)), hovertemplate: "%{customdata}",
  });
  const raw = thinned(line.raw);
  const faint = trace(raw.map((i) => line.x[i]), raw.map((i) => line.raw[i]), { color: line.colour, width: 1 }, { opacity: 0.35, visible: line.shown });
  return o.smooth ? [faint, bold] : [bold];
}

function dots(points, marker, o) {
  const [x, y] = [points.map((point) => point.x), points.map((point) => point.y)];
  return trace(x, y, undefined, { mode: "markers", cliponaxis: false, marker: { line: { color: o.theme.background, width: 1.5 }, ...marker } });
}

// Ranges follow the numbers until the person zooms; the horizontal one runs to the planned end.
function ranges(lines, steps, feeds, o) {
  const drawable = ([, y]) => y !== null && (!o.log || y > 0);
  const ends = [...lines.map((line) => line.x.at(-1)), ...steps.slice(-1).map(([x]) => x), ...feeds.map((feed) => feed.hello?.epochs ?? 0)];
  const measured = lines.filter((line) => line.shown).flatMap((line) => line.y.map((y, i) => [line.x[i], y])).filter(drawable);
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
  return [Math.floor(low / step + 1e-6) * step, Math.ceil(high / step - 1e-6) * step];
}

function axis(range, count, o) {
  const step = niceStep(...range, count);
  const decimals = [0, 1, 2, 3, 4, 5].find((digits) => Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) < 1e-6) ?? 6;
  return { range, tick0: 0, dtick: step, tickformat: `.${decimals}f`, zeroline: false, tickfont: { color: o.theme.grey, size: 11.5 } };
}

// Words at the ends of lines, pushed apart where they would touch. A click on one hides its line.
function endLabels(lines, { x, y }, o) {
  const place = (value) => (o.log ? Math.log10(value) : value);
  const labels = lines.filter((line) => line.label).map((line) => {
    const last = line.x.findLastIndex((at, i) => at <= x[1] && line.y[i] !== null);
    return last < 0 ? null : { line, x: line.x[last], at: Math.min(y[1], Math.max(y[0], place(line.y[last]))) };
  }).filter(Boolean).sort((a, b) => b.at - a.at);
  let floor = -Infinity; // px from the top
  for (const label of labels) {
    const wanted = ((y[1] - label.at) / (y[1] - y[0])) * o.plotHeight;
    const given = Math.max(wanted, floor);
    label.shift = wanted - given;
    floor = given + 15;
  }
  return labels.map(({ line, x: at, at: level, shift }) => words(escaped(shortened(line.label, o)), at, level, line.ink, {
    xanchor: "left", xshift: 10, yshift: shift, opacity: line.shown ? 1 : 0.4, captureevents: true, name: line.key, font: { size: 12, color: line.ink } }));
}

function words(text, x, y, color, more) {
  return { text, x, y, showarrow: false, font: { size: 11.5, color }, borderpad: 0, ...more };
}

const shortened = (text, o) => (text.length > (o.narrow ? 12 : 22) ? `${text.slice(0, o.narrow ? 11 : 21)}…` : text);

function star(feed, lines, { y }, o) {
  const best = feed && bestRow(feed, o.view);
  if (!best || o.hidden.has("validation")) return { traces: [], annotations: [] };
  const point = { x: best[EPOCH], y: drawnValue(best[VALUE], o.view) };
  const place = (value) => ((o.log ? Math.log10(value) : value) / (y[1] - y[0])) * o.plotHeight;
  const others = lines.filter((line) => line.key === "training").map((line) => line.y[line.x.indexOf(point.x)]).filter(Number.isFinite);
  const above = others.some((other) => Math.abs(place(point.y) - 19 - place(other)) < 13);
  const text = words(fill(o.words.best, { epoch: best[EPOCH] }), point.x, o.log ? Math.log10(point.y) : point.y, o.theme.text, { yshift: above ? 19 : -19 });
  return { traces: [dots([point], { symbol: "star", size: 14, color: o.theme.validation, opacity: 1 }, o)], annotations: [text] };
}

const upright = (x, color, dash) => ({ type: "line", x0: x, x1: x, yref: "paper", y0: 0, y1: 1, layer: "below", line: { color, width: 1, dash } });

// The epochs the verdict talks about, amber; and a thin line for each change of the ledger.
function marks(feed, end, { x, y }, o) {
  const verdict = feed?.events.findLast((event) => event.kind === "verdict")?.data;
  const told = verdict && !QUIET_VERDICTS.has(verdict.name) && verdict.since_epoch !== null && end > verdict.since_epoch;
  const band = { type: "rect", x0: verdict?.since_epoch, x1: end, yref: "paper", y0: 0, y1: 1, layer: "below", line: { width: 0 }, fillcolor: o.theme.amber, opacity: 0.11 };
  const at = feed ? stepToEpoch(feed) : null;
  const changes = (feed?.events ?? []).filter((event) => event.kind === "ledger").map((event) => ({ ...event, x: at(event.step) ?? event.epoch }));
  const feet = dots(changes.map((change) => ({ x: change.x, y: o.log ? 10 ** y[0] : y[0] })), { size: 6.5, color: o.theme.background, line: { color: o.theme.accent, width: 1.5 } }, o);
  return {
    traces: changes.length ? [feet] : [],
    shapes: [...(told ? [band] : []), ...changes.map((change) => upright(change.x, o.theme.accent))],
    annotations: changeWords(changes, x, o),
  };
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
    const leftward = left + width > o.plotWidth + o.right - 14 && left > width;
    const from = leftward ? left - width : left;
    const tier = numbered ? 0 : [0, 1, 2, 3].find((row) => !taken.some((other) => other.row === row && from < other.to && from + width > other.from)) ?? 3;
    taken.push({ row: tier, from, to: from + width });
    const applied = fill(o.words.applied_at, { step: change.step.toLocaleString("en") });
    const second = inside.length === 1 && !o.narrow ? `<br><span style="color:${o.theme.grey}">${escaped(applied)}</span>` : "";
    return words(escaped(label) + second, change.x, 1, o.theme.text, {
      yref: "paper", align: "left", xanchor: leftward ? "right" : "left", yanchor: "top", xshift: leftward ? -6 : 6, yshift: -17 * tier });
  });
}

// What an untouched page shows: the shape of a run that overfits, faint, and said to be an example.
function example(o) {
  const x = Array.from({ length: 77 }, (_, i) => 1 + i / 4);
  const rise = (at) => 0.011 * Math.max(0, at - 9) ** 1.35;
  const lines = [
    { ...exampleLine(x, (at) => 0.075 + 1.95 * Math.exp(-(at - 1) / 3.1)), colour: o.theme.training, dash: "5px 5px", width: 1.8, label: o.words.training, opacity: 0.45 },
    { ...exampleLine(x, (at) => 0.42 + 1.65 * Math.exp(-(at - 1) / 2.6) + rise(at)), colour: o.theme.validation, width: 2.2, label: o.words.validation, opacity: 0.32 },
  ].map((line) => ({ ...line, ink: o.theme.grey, shown: true }));
  const range = { x: [0, 20], y: [0, 2.5] };
  const said = words(`${escaped(o.words.example_turn)}<br>${escaped(o.words.example)}`, 10.5, 1, o.theme.grey, {
    yref: "paper", align: "left", xanchor: "left", yanchor: "top", xshift: 6, yshift: -14 });
  const foot = dots([{ x: 10.5, y: 0 }], { size: 6.5, color: o.theme.background, line: { color: o.theme.grey, width: 1.5 } }, o);
  const traces = lines.map((line) => trace(line.x, line.y, { color: line.colour, width: line.width, dash: line.dash }, { opacity: line.opacity }));
  return {
    range, said: o.words.aria_example, traces: [...traces, foot], shapes: [upright(10.5, o.theme.grey, "dot")],
    annotations: [...endLabels(lines, range, o), said],
  };
}

const exampleLine = (x, height) => ({ x, y: x.map(height) });

function curves(feeds, o) {
  const main = feeds.find((feed) => feed.run === o.main);
  const others = feeds.filter((feed) => feed !== main);
  const lines = [...others.flatMap((feed, rank) => linesOf(feed, rank, o)), ...(main ? linesOf(main, 0, o) : [])];
  const steps = main ? stepLine(main, o) : [];
  const range = ranges(lines, steps, feeds, o);
  const noise = trace(steps.map(([x]) => x), steps.map(([, y]) => y), { color: o.theme.training, width: 1 }, { opacity: 0.35 });
  const ends = lines.filter((line) => line.shown).map((line) => ({ x: line.x.at(-1), y: line.y.at(-1), colour: line.colour }));
  const best = star(main, lines, range, o);
  const mark = marks(main, Math.max(0, ...lines.map((line) => line.x.at(-1))), range, o);
  const waiting = lines.length || steps.length ? [] : [words(escaped(o.words.waiting), 0.5, 0.5, o.theme.grey, { xref: "paper", yref: "paper", font: { size: 13, color: o.theme.grey } })];
  return {
    range, said: inWords(feeds, main ?? feeds[0], o),
    traces: [noise, ...lines.flatMap((line) => lineTraces(line, o)), dots(ends, { size: 8, color: ends.map((end) => end.colour) }, o), ...best.traces, ...mark.traces],
    shapes: mark.shapes,
    annotations: [...mark.annotations, ...endLabels(lines, range, o), ...best.annotations, ...waiting],
  };
}

function inWords(feeds, feed, o) {
  const sentences = feeds.map((each) => {
    const name = each.hello?.name || fill(o.words.run, { run: each.run });
    const now = (series) => each.series.get(`${series}_${o.view}`)?.at(-1);
    if (!now("val")) return fill(o.words.aria_waiting, { name });
    const said = (row) => number(row ? drawnValue(row[VALUE], o.view) : null, o.view);
    return fill(o.words.aria_now, { name, measure: o.words[o.view], epoch: now("val")[EPOCH], validation: said(now("val")), training: said(now("probe")) });
  });
  const best = bestRow(feed, o.view);
  return [...sentences, ...(best ? [fill(o.words.aria_best, { epoch: best[EPOCH] })] : [])].join(" ");
}

function layout({ range, shapes, annotations }, o) {
  const epoch = words(escaped(o.words.epoch), 1, 0, o.theme.grey, { xref: "paper", yref: "paper", xanchor: "left", yanchor: "top", xshift: 16, yshift: -4.5 });
  const vertical = o.log ? { type: "log", range: range.y, nticks: o.rows, exponentformat: "none", minorloglabels: "complete", tickfont: { color: o.theme.grey, size: 11.5 } } : axis(range.y, o.rows, o);
  return {
    width: o.width, height: o.height, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
    margin: { l: MARGIN.left, t: MARGIN.top, b: MARGIN.bottom, r: o.right, pad: 0 },
    font: { family: o.theme.font, size: 12, color: o.theme.text },
    dragmode: o.narrow ? false : "zoom", hovermode: o.main === null && !o.live ? false : "x unified",
    hoverlabel: { bgcolor: o.theme.background, bordercolor: o.theme.border, font: { family: o.theme.font, size: 12, color: o.theme.text } },
    xaxis: { ...axis(range.x, o.narrow ? 3 : 6, o), showgrid: false, showline: true, linecolor: o.theme.border, ticklen: 5, tickcolor: "rgba(0,0,0,0)", ticks: "outside",
      spikecolor: o.theme.grey, spikethickness: 1, spikedash: "2px 3px", unifiedhovertitle: { text: escaped(fill(o.words.epoch_number, { epoch: "%{x:.4~g}" })) } },
    yaxis: { ...vertical, gridcolor: o.theme.border, griddash: "2px 3px", gridwidth: 1, ticksuffix: o.view === "accuracy" ? "\u00a0%" : "", ticklen: 8, ticks: "outside", tickcolor: "rgba(0,0,0,0)", zeroline: false },
    shapes, annotations: [...annotations, epoch],
  };
}

// ---- chart: the frame, its switches, and when to draw --------------------------------------------------------------

class Chart {
  constructor(parent) {
    Object.assign(this, { view: "loss", smooth: true, log: false, hidden: new Set(), zoom: {}, feeds: [], turn: 0, drawn: 0 });
    this.build(parent);
    this.visible = () => this.feeds.forEach((feed) => (document.hidden ? feed.pause() : feed.resume()));
    document.addEventListener("visibilitychange", this.visible);
    this.resize = new ResizeObserver(() => this.redraw());
    this.resize.observe(this.root);
  }

  build(parent) {
    const make = (tag, name, into) => into.appendChild(Object.assign(document.createElement(tag), { className: name }));
    this.root = make("div", "athanor-live", parent);
    const controls = make("div", "controls", this.root);
    const segments = make("div", "segments", controls);
    make("div", "gap", controls);
    const button = (name, style, into, press) => Object.assign(make("button", style, into), { type: "button", name, onclick: () => (press(), this.redraw(true)) });
    const choose = (view) => () => ((this.view = view), delete this.zoom.yaxis);
    this.buttons = [
      button("loss", "", segments, choose("loss")),
      button("accuracy", "", segments, choose("accuracy")),
      button("smooth", "switch", controls, () => (this.smooth = !this.smooth)),
      button("log_axis", "switch", controls, () => ((this.log = !this.log), delete this.zoom.yaxis)),
    ];
    this.controls = controls;
    this.plot = make("div", "plot", this.root);
    this.plot.setAttribute("role", "img");
    this.note = make("div", "note", this.root);
    this.note.setAttribute("role", "status");
  }

  show(data) {
    const asked = JSON.stringify([data.run, data.overlays]);
    if (asked !== this.asked) this.follow([data.run, ...data.overlays].filter((run) => run !== null));
    else if (data.attempt !== this.data.attempt) this.feeds.forEach((feed) => feed.reopen());
    Object.assign(this, { asked, data });
    this.redraw(true);
  }

  follow(runs) {
    this.feeds.forEach((feed) => feed.pause());
    this.zoom = {};
    this.hidden.clear();
    this.feeds = runs.map((run) => new Feed(run, () => this.redraw()));
  }

  close() {
    this.feeds.forEach((feed) => feed.pause());
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.visible);
    this.resize.disconnect();
    if (this.listening) window.Plotly.purge(this.plot);
    this.root.remove();
  }

  // Many changes, one picture: attributes at once, the drawing at the next frame after the pause.
  redraw(now = false) {
    if (!this.data) return;
    this.label();
    if (now) clearTimeout(this.timer), (this.timer = null);
    if (this.timer) return;
    this.timer = setTimeout(() => requestAnimationFrame(() => this.draw()), now ? 0 : Math.max(0, this.drawn + REDRAW_MS - Date.now()));
  }

  label() {
    const { words: said, run, overlays } = this.data;
    const state = this.state();
    const points = this.feeds.reduce((sum, feed) => sum + feed.points, 0);
    const marks = { "data-live-chart": "", "data-run": run ?? overlays.join(","), "data-points": points, "data-state": state, "data-last": Math.max(0, ...this.feeds.map((feed) => feed.last)) };
    for (const [name, value] of Object.entries(marks)) this.root.setAttribute(name, value);
    const pressed = { loss: this.view === "loss", accuracy: this.view === "accuracy", smooth: this.smooth, log_axis: this.log };
    for (const each of this.buttons) {
      each.textContent = said[each.name];
      each.setAttribute("aria-pressed", pressed[each.name]);
      each.disabled = state === "empty" || (each.name === "log_axis" && this.view === "accuracy");
    }
    this.controls.setAttribute("aria-label", said.controls);
    this.note.textContent = this.failed ? said.no_library : state === "reconnecting" ? said.reconnecting : "";
  }

  state() {
    const states = this.feeds.map((feed) => feed.state);
    if (!states.length) return "empty";
    return ["reconnecting", "connecting", "live"].find((state) => states.includes(state)) ?? "ended";
  }

  async draw() {
    this.timer = null;
    this.drawn = Date.now();
    const options = this.options();
    if (options.width <= 0 || !this.root.isConnected) return; // in a closed tab: the size observer comes back
    this.plot.style.height = `${options.height}px`;
    const plotly = await loadPlotly().catch(() => null);
    this.failed = !plotly;
    if (!plotly) return this.label();
    if (this.plot._dragging) return this.redraw(); // Plotly's own flag: a zoom being drawn must not be disturbed
    const picture = this.feeds.length ? curves(this.feeds, options) : example(options);
    this.plot.setAttribute("aria-label", picture.said);
    await plotly.react(this.plot, picture.traces, layout(picture, options), { displayModeBar: false, doubleClick: false, responsive: false });
    this.listen();
  }

  options() {
    const { data, view, smooth, hidden, zoom } = this;
    const theme = readTheme(this.root, data.colours);
    const width = this.plot.clientWidth;
    const narrow = width < NARROW;
    const height = narrow ? Math.min(NARROW_HEIGHT, data.height) : data.height;
    const labels = this.feeds.filter((feed) => feed.run !== data.run).map((feed) => shortened(feed.hello?.name ?? "", { narrow }));
    const right = Math.ceil(Math.max(...[data.words.validation, data.words.training, ...labels].map((text) => textWidth(text, theme)))) + 14;
    const plotSize = { plotWidth: width - MARGIN.left - right, plotHeight: height - MARGIN.top - MARGIN.bottom };
    return { main: data.run, live: this.feeds.length > 0, words: data.words, log: this.log && view === "loss", rows: narrow ? 3 : 6, theme, width, narrow, height, right, view, smooth, hidden, zoom, ...plotSize };
  }

  listen() {
    if (this.listening) return;
    this.listening = true;
    this.plot.on("plotly_relayout", (change) => {
      for (const name of ["xaxis", "yaxis"]) if (`${name}.range[0]` in change) this.zoom[name] = [change[`${name}.range[0]`], change[`${name}.range[1]`]];
      this.redraw(true);
    });
    this.plot.on("plotly_doubleclick", () => ((this.zoom = {}), this.redraw(true)));
    this.plot.on("plotly_clickannotation", ({ annotation }) => {
      if (!this.hidden.delete(annotation.name)) this.hidden.add(annotation.name);
      this.redraw(true);
    });
  }
}
