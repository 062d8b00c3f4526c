// What is drawn: pure functions from feeds and options to traces and layout for Plotly, and to a sentence for those who cannot see them.
// The options `o` are made by `Chart.options` in `live_chart.js`.

const MARGIN = { top: 14, bottom: 26 };
const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const fill = (text, fields) => text.replace(/\{(\w+)\}/g, (_, name) => fields[name]);
const pen = document.createElement("canvas").getContext("2d");

function textWidth(text, theme, size = 12) {
  pen.font = `${size}px ${theme.font}`;
  return pen.measureText(text).width;
}

// Every line of one run: measured values, the values drawn, colour and words.
function linesOf(feed, rank, o) {
  const main = feed.run === o.main;
  const name = feed.hello?.name || fill(o.words.run, { run: feed.run });
  const colour = o.theme.overlay[rank % o.theme.overlay.length];
  const line = (series, look) => {
    const rows = feed.series.get(`${series}_${o.view}`) ?? [];
    const raw = rows.map((row) => drawnValue(row[VALUE], o.view));
    return { run: feed.run, x: rows.map((row) => row[EPOCH]), raw, y: o.smooth ? smoothed(raw) : raw, ...look };
  };
  const training = main
    ? { name: o.words.training, label: o.words.training, colour: o.theme.training, ink: o.theme.grey, key: "training" }
    : { name: `${name}, ${o.words.training}`, colour, key: name + feed.run };
  const validation = main
    ? { name: o.words.validation, label: o.words.validation, colour: o.theme.validation, key: "validation" }
    : { name, label: name, colour, key: name + feed.run };
  return [line("probe", { ...training, dash: "5px 5px", width: 1.8, quiet: !main }), line("val", { ...validation, width: 2.2 })]
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
  const drawn = thinned(line.y, o.most);
  const pick = (values) => drawn.map((i) => values[i]);
  const bold = trace(
    pick(line.x),
    pick(line.y),
    { color: line.colour, width: line.width, dash: line.dash },
    {
      name: escaped(line.name),
      visible: line.shown,
      hoverinfo: "all",
      customdata: pick(line.raw).map((value) => number(value, o.view)),
      hovertemplate: "%{customdata}",
    },
  );
  const raw = thinned(line.raw, o.most);
  const faint = trace(
    raw.map((i) => line.x[i]),
    raw.map((i) => line.raw[i]),
    { color: line.colour, width: 1 },
    { opacity: 0.35, visible: line.shown },
  );
  return o.smooth && !line.quiet ? [faint, bold] : [bold];
}

function markers(points, marker, o) {
  const [x, y] = [points.map((point) => point.x), points.map((point) => point.y)];
  return trace(x, y, undefined, {
    mode: "markers",
    cliponaxis: false,
    marker: { line: { color: o.theme.background, width: 1.5 }, ...marker },
  });
}

function axis(range, count, o, least = 0) {
  const step = Math.max(least, niceStep(...range, count));
  const decimals = [0, 1, 2, 3, 4, 5].find((digits) => Math.abs(step * 10 ** digits - Math.round(step * 10 ** digits)) < 1e-6) ?? 6;
  return { range, tick0: 0, dtick: step, tickformat: step >= 1000 ? "~s" : decimals > 4 ? "~e" : `.${decimals}f`, ...quietTicks(o) };
}

function logAxis(range, o) {
  const ticks = logTicks(range, o.rows);
  return { type: "log", range, tickvals: ticks, ticktext: ticks.map(String), ...quietTicks(o) };
}

const quietTicks = (o) => ({
  zeroline: false,
  ticks: "outside",
  tickcolor: "rgba(0,0,0,0)",
  tickfont: { color: o.theme.grey, size: 11.5 },
  layer: "below traces",
});

// Words at the ends of lines, pushed apart where they would touch. A click on one hides its line.
function endLabels(lines, { x, y }, o) {
  const place = (value) => (o.log ? Math.log10(value) : value);
  const labels = lines
    .filter((line) => line.label)
    .map((line) => {
      const last = line.x.findLastIndex((at, i) => at <= x[1] && line.y[i] !== null);
      const goesOn = last < line.x.findLastIndex((_, i) => line.y[i] !== null);
      return last < 0 ? null : { line, x: goesOn ? x[1] : line.x[last], at: Math.min(y[1], Math.max(y[0], place(line.y[last]))) };
    })
    .filter(Boolean)
    .sort((a, b) => b.at - a.at);
  let floor = -Infinity; // px from the top
  for (const label of labels) {
    const wanted = ((y[1] - label.at) / (y[1] - y[0])) * o.plotHeight;
    const given = Math.max(wanted, floor);
    label.shift = wanted - given;
    floor = given + 15;
  }
  const fitting = labels.slice(0, Math.floor(o.plotHeight / 15));
  return fitting.map(({ line, x: at, at: level, shift }) =>
    words(escaped(shortened(line.label, o)), at, level, line.ink, {
      xanchor: "left",
      xshift: 10,
      yshift: shift,
      opacity: line.shown ? 1 : 0.4,
      captureevents: true,
      name: line.key,
      font: { size: 12, color: line.ink },
    }),
  );
}

function words(text, x, y, color, more) {
  return { text, x, y, showarrow: false, font: { size: 11.5, color }, borderpad: 0, ...more };
}

const shortened = (text, o) => (text.length > (o.narrow ? 12 : 22) ? `${text.slice(0, o.narrow ? 11 : 21).trimEnd()}…` : text);

// What an untouched page shows: the shape of a run that overfits, faint, and said to be an example.
function example(o) {
  const x = Array.from({ length: 77 }, (_, i) => 1 + i / 4);
  const rise = (at) => 0.011 * Math.max(0, at - 9) ** 1.35;
  const lines = [
    {
      ...exampleLine(x, (at) => 0.075 + 1.58 * Math.exp(-(at - 1) / 3.1)),
      colour: o.theme.training,
      dash: "5px 5px",
      width: 1.8,
      label: o.words.training,
      opacity: 0.45,
    },
    {
      ...exampleLine(x, (at) => 0.42 + 1.5 * Math.exp(-(at - 1) / 2.6) + rise(at)),
      colour: o.theme.validation,
      width: 2.2,
      label: o.words.validation,
      opacity: 0.32,
    },
  ].map((line) => ({ ...line, ink: o.theme.grey, shown: true }));
  const range = { x: [0, 20], y: [0, 2.5] };
  const said = words(`${escaped(o.words.example_turn)}<br>${escaped(o.words.example)}`, 10.5, 1, o.theme.grey, {
    yref: "paper",
    align: "left",
    xanchor: "left",
    yanchor: "top",
    xshift: 6,
    yshift: -14,
  });
  const foot = markers([{ x: 10.5, y: 0 }], { size: 6.5, color: o.theme.background, line: { color: o.theme.grey, width: 1.5 } }, o);
  const traces = lines.map((line) =>
    trace(line.x, line.y, { color: line.colour, width: line.width, dash: line.dash }, { opacity: line.opacity }),
  );
  return {
    range,
    said: o.words.aria_example,
    traces: [...traces, foot],
    shapes: [upright(10.5, o.theme.grey, { opacity: 0.6, line: { color: o.theme.grey, width: 1, dash: "2px 3px" } })],
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
  const noise = trace(
    steps.map(([x]) => x),
    steps.map(([, y]) => y),
    { color: o.theme.training, width: 1 },
    { opacity: lines.length ? 0.22 : 0.5 },
  );
  const labels = endLabels(lines, range, o);
  const best = star(main, lines, labels, range, o);
  const mark = marks(main, Math.max(0, ...lines.filter((line) => line.run === main?.run).map((line) => line.x.at(-1))), range, o);
  const ends = lines
    .filter((line) => line.shown && line.label)
    .map((line) => ({ ...lastPoint(line), colour: line.colour }))
    .filter((end) => !(end.colour === o.theme.validation && end.x === best.x)); // there the star stands
  const waiting =
    lines.length || steps.length
      ? []
      : [
          words(escaped(o.words.waiting), 0.5, 0.5, o.theme.grey, {
            xref: "paper",
            yref: "paper",
            font: { size: 13, color: o.theme.grey },
          }),
        ];
  return {
    range,
    said: inWords(feeds, main ?? feeds[0], o),
    traces: [
      noise,
      ...lines.flatMap((line) => lineTraces(line, o)),
      markers(ends, { size: 8, color: ends.map((end) => end.colour) }, o),
      ...best.traces,
      ...mark.traces,
    ],
    shapes: mark.shapes,
    annotations: [...mark.annotations, ...labels, ...best.annotations, ...waiting],
  };
}

function inWords(feeds, feed, o) {
  const sentences = feeds.map((each) => {
    const name = each.hello?.name || fill(o.words.run, { run: each.run });
    const now = (series) => each.series.get(`${series}_${o.view}`)?.at(-1);
    if (!now("val")) return fill(o.words.aria_waiting, { name });
    const said = (row) => number(row ? drawnValue(row[VALUE], o.view) : null, o.view);
    return fill(o.words.aria_now, {
      name,
      measure: o.words[o.view],
      epoch: now("val")[EPOCH],
      validation: said(now("val")),
      training: said(now("probe")),
    });
  });
  const best = bestRow(feed, o.view);
  return [...sentences, ...(best ? [fill(o.words.aria_best, { epoch: best[EPOCH] })] : [])].join(" ");
}

function layout({ range, shapes, annotations }, o) {
  const epoch = words(escaped(o.words.epoch), 1, 0, o.theme.grey, {
    xref: "paper",
    yref: "paper",
    xanchor: "left",
    yanchor: "top",
    xshift: 16,
    yshift: -6.5,
  });
  const vertical = o.log ? logAxis(range.y, o) : axis(range.y, o.rows, o);
  const level = o.zoom.xaxis ? 0 : 1; // no ticks between epochs until somebody zooms
  return {
    width: o.width,
    height: o.height,
    paper_bgcolor: o.theme.background,
    plot_bgcolor: o.theme.background,
    showlegend: false,
    margin: { l: o.left, t: MARGIN.top, b: MARGIN.bottom, r: o.right, pad: 0 },
    font: { family: o.theme.font, size: 12, color: o.theme.text },
    dragmode: o.narrow ? false : "zoom",
    hovermode: !o.live ? false : o.many ? "closest" : "x unified",
    hoversort: "value descending",
    hoverlabel: { bgcolor: o.theme.background, bordercolor: o.theme.border, font: { family: o.theme.font, size: 12, color: o.theme.text } },
    xaxis: {
      ...axis(range.x, o.narrow ? 3 : 6, o, level),
      showgrid: false,
      showline: true,
      linecolor: o.theme.border,
      ticklen: 5,
      spikecolor: o.theme.grey,
      spikethickness: 1,
      spikedash: "2px 3px",
      unifiedhovertitle: { text: escaped(fill(o.words.epoch_number, { epoch: "%{x:.4~g}" })) },
    },
    yaxis: {
      ...vertical,
      gridcolor: o.theme.border,
      griddash: "2px 3px",
      gridwidth: 1,
      ticksuffix: o.view === "accuracy" ? "\u00a0%" : "",
      ticklen: 8,
    },
    shapes,
    annotations: [...annotations, epoch],
  };
}
