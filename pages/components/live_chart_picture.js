// What is drawn: pure functions from feeds and options to traces and layout for Plotly, and to a sentence for those who cannot see them.
// The options `o` are made in `live_chart_options.js`; a panel `p` is the options and what is its own.

const MARGIN = { top: 14, title: 24, bottom: 26 };
const GAP = 36; // px between two panels, the lower one's title in it

function trace(x, y, line, more) {
  return { type: "scatter", mode: "lines", x, y, line, hoverinfo: "skip", showlegend: false, connectgaps: false, ...more };
}

function markers(points, marker, p) {
  const [x, y] = [points.map((point) => point.x), points.map((point) => point.y)];
  return trace(x, y, undefined, {
    mode: "markers",
    yaxis: p.yref,
    cliponaxis: false,
    marker: { line: { color: p.theme.background, width: 1.5 }, ...marker },
  });
}

// Faint what was measured, bold what is read; `uid` lets a hovered line be found again.
function lineTraces(line, p) {
  const look = { color: line.colour, width: line.width, dash: line.dash };
  const shared = { yaxis: p.yref, visible: line.shown };
  const bold = trace(line.x, line.y, look, {
    ...shared,
    uid: uidOf(line),
    name: escaped(line.name),
    hoverinfo: line.quiet ? "skip" : "all",
    customdata: line.told ?? line.raw.map((value) => number(value, p.view)),
    hovertemplate: line.quiet ? undefined : p.many ? `%{customdata}<extra>${escaped(line.name)}</extra>` : "%{customdata}",
  });
  const { faint } = line;
  return [...bandTraces(line, shared), ...(faint ? [trace(faint.x, faint.y, { color: line.colour, width: 1 }, { ...shared, opacity: 0.35 })] : []), bold];
}

// Each stretch without a gap is an outline of its own.
function bandTraces({ band = [], colour }, shared) {
  const [x, y] = [[], []];
  let stretch = [];
  const close = () => {
    const back = [...stretch].reverse();
    x.push(...stretch.map((at) => at.x), ...back.map((at) => at.x), null);
    y.push(...stretch.map((at) => at.high), ...back.map((at) => at.low), null);
    stretch = [];
  };
  for (const at of band) at.low === null ? stretch.length && close() : stretch.push(at);
  if (stretch.length) close();
  return x.length ? [trace(x, y, { width: 0 }, { ...shared, fill: "toself", fillcolor: colour, opacity: 0.14 })] : [];
}

function noiseTraces(noise, lines, p) {
  const look = { yaxis: p.yref, opacity: lines.length ? 0.22 : 0.5 };
  return noise.map(({ x, y }) => trace(x, y, { color: p.theme.training, width: 1 }, look));
}

function curves(feeds, o) {
  const drafts = o.panels.map((p) => ({ ...p, lines: linesIn(p), noise: noiseIn(p) }));
  const drawn = drafts.flatMap(({ lines, noise }) => [...lines, ...noise]);
  const whole = wholeWidth(drawn, feeds, o);
  const panels = drafts.map((p) => ({ ...p, range: { x: o.zoom.x ?? whole, y: heightOf(p.lines, p.noise, p) } }));
  const parts = panels.map((p) => panelPicture(p));
  const mark = marked(o.main, panels[0].lines, parts[0].boxes, [panels[0], panels.at(-1)]);
  return {
    whole,
    panels,
    marks: mark.marks,
    lines: panels.flatMap((p) => p.lines),
    noise: panels.flatMap((p) => p.noise),
    said: inWords(o),
    traces: [...parts.flatMap((part) => part.traces), ...mark.traces],
    shapes: mark.shapes,
    annotations: [...mark.annotations, ...parts.flatMap((part) => part.annotations), ...(drawn.length ? [] : [waiting(o)])],
  };
}

function panelPicture(p) {
  const labels = endLabels(p.lines, p);
  const best = star(p.lines, labels.map((label) => label.box), p); // prettier-ignore
  return {
    traces: [...noiseTraces(p.noise, p.lines, p), ...p.lines.flatMap((line) => lineTraces(line, p)), ...endDots(p), ...smallStars(p), ...best.traces],
    annotations: [...labels.map((label) => label.annotation), ...best.annotations, ...titleOf(p)],
    boxes: [...labels.map((label) => label.box), ...best.boxes],
  };
}

// Not where the star stands, and not on a hundred lines.
function endDots(p) {
  if (p.many) return [];
  const ends = p.lines.filter((line) => line.shown && line.label).map((line) => ({ ...lastPoint(line), colour: line.colour, best: line.best }));
  const free = ends.filter((end) => !end.best || Math.abs(across(end.x, p) - across(end.best.x, p)) > 10);
  return [markers(free, { size: 8, color: free.map((end) => end.colour) }, p)];
}

// The best epoch of each compared run.
function smallStars(p) {
  const stars = p.many ? [] : p.lines.filter((line) => line.shown && line.best && line.feed !== p.main);
  const look = { symbol: "star", size: 10, color: stars.map((line) => line.colour), opacity: 1 };
  return stars.length ? [markers(stars.map((line) => line.best), look, p)] : []; // prettier-ignore
}

function titleOf(p) {
  if (p.panels.length < 2) return [];
  const place = { xref: "paper", yref: "paper", xanchor: "left", yanchor: "bottom", xshift: 2 - p.left, yshift: 7 };
  return [words(escaped(p.words[p.view]), 0, p.domain[1], p.theme.grey, place)];
}

function waiting(o) {
  const place = { xref: "paper", yref: "paper", font: { size: 13, color: o.theme.grey } };
  return words(escaped(o.words.waiting), 0.5, 0.5, o.theme.grey, place);
}

// The chart in sentences: where it is for one run, how many there are for many.
function inWords(o) {
  const runs = o.subjects.flatMap((subject) => subject.feeds.map((feed) => ({ feed, subject })));
  if (runs.length > MANY) return fill(o.words.aria_many, { count: runs.length, measure: o.words[o.panels[0].view] });
  const sentences = runs.flatMap(({ feed, subject }) => o.panels.map((p) => nowInWords(feed, subject.feeds.length > 1 ? "" : subject.label, p)));
  const first = o.main ?? runs[0]?.feed;
  const best = first?.rows("val_loss")[bestIndex(first, "val_loss")];
  return [...new Set(sentences), ...(best ? [fill(o.words.aria_best, { epoch: best[EPOCH] })] : [])].join(" ");
}

function nowInWords(feed, label, p) {
  const name = nameOf(feed, label, p);
  const now = (kind) => feed.rows(`${kind}_${p.view}`).at(-1);
  if (!now("val")) return fill(p.words.aria_waiting, { name });
  const said = (row) => number(row ? drawnValue(row[VALUE], p.view) : null, p.view);
  const fields = { epoch: now("val")[EPOCH], validation: said(now("val")), training: said(now("probe")) };
  return fill(p.words.aria_now, { name, measure: p.words[p.view], ...fields });
}

function layout({ panels, shapes, annotations }, o) {
  const label = { bgcolor: o.theme.background, bordercolor: o.theme.border, font: { family: o.theme.font, size: 12, color: o.theme.text } };
  return {
    width: o.width,
    height: o.height,
    paper_bgcolor: o.theme.background,
    plot_bgcolor: o.theme.background,
    showlegend: false,
    margin: { l: o.left, t: o.head, b: MARGIN.bottom, r: o.right, pad: 0 },
    font: { family: o.theme.font, size: 12, color: o.theme.text },
    dragmode: o.narrow ? false : "zoom",
    hovermode: !o.live ? false : o.many ? "closest" : "x unified",
    hoversubplots: "axis",
    hoverdistance: o.many ? 12 : 20,
    ...(panels.length > 1 ? {} : { hoversort: "value descending" }),
    hoverlabel: { ...label, namelength: -1 },
    xaxis: horizontal(panels, o),
    ...Object.fromEntries(panels.map((p) => [p.axisName, vertical(p)])),
    shapes,
    annotations: [...annotations, axisTitle(panels, o)],
  };
}

function horizontal(panels, o) {
  const between = o.axis === "epoch" && !o.zoom.x ? 1 : 0; // no ticks between epochs until somebody zooms
  return {
    ...evenAxis(panels[0].range.x, o.narrow ? 3 : 6, o, o.axis === "seconds" ? 0 : between || (o.zoom.x ? 0 : 1)),
    anchor: panels.at(-1).yref,
    showgrid: false,
    showline: true,
    linecolor: o.theme.border,
    ticklen: 5,
    showspikes: !o.many,
    spikemode: "across",
    spikesnap: "hovered data",
    spikecolor: o.theme.grey,
    spikethickness: 1,
    spikedash: "2px 3px",
    unifiedhovertitle: { text: escaped(fill(o.words[`at_${o.axis}`], { at: o.axis === "epoch" ? "%{x:.4~g}" : o.axis === "seconds" ? "%{x:,.1~f}" : "%{x:,.0f}" })) },
  };
}

function vertical(p) {
  return {
    ...(p.log ? logAxis(p.range.y, p) : evenAxis(p.range.y, p.rows, p)),
    domain: p.domain,
    gridcolor: p.theme.border,
    griddash: "2px 3px",
    gridwidth: 1,
    ticksuffix: p.view === "accuracy" ? "\u00a0%" : "",
    ticklen: 8,
  };
}

// Beside the last tick, under the words at the ends of the lines.
function axisTitle(panels, o) {
  const tick = textWidth(Math.round(panels[0].range.x[1]).toLocaleString("en"), o.theme, 11.5);
  const place = { xref: "paper", yref: "paper", xanchor: "left", yanchor: "top", xshift: Math.max(16, tick / 2 + 6), yshift: -6.5 };
  return words(escaped(o.words[`axis_${o.axis}`]), 1, 0, o.theme.grey, place);
}
