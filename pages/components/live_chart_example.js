// What an untouched page shows: the shape of a run that overfits, faint, and said to be an example.

function example(o) {
  const p = { ...o.panels[0], range: { x: [0, 20], y: [0, 2.5] }, log: false, axis: "epoch" };
  const lines = exampleLines(p);
  const traces = lines.map((line) => trace(line.x, line.y, { color: line.colour, width: line.width, dash: line.dash }, { opacity: line.opacity }));
  const foot = markers([{ x: 10.5, y: 0 }], { size: 6.5, color: p.theme.background, line: { color: p.theme.grey, width: 1.5 } }, p);
  return {
    panels: [{ ...p, domain: [0, 1] }],
    whole: p.range.x,
    marks: [],
    lines: [],
    noise: [],
    said: p.words.aria_example,
    traces: [...traces, foot],
    shapes: [upright(10.5, p.theme.grey, { opacity: 0.6, ...dotted(p.theme.grey) })],
    annotations: [...endLabels(lines, p).map((label) => label.annotation), exampleWords(p)],
  };
}

function exampleLines({ words: said, theme }) {
  const x = Array.from({ length: 77 }, (_, i) => 1 + i / 4);
  const rise = (at) => 0.011 * Math.max(0, at - 9) ** 1.35;
  const training = x.map((at) => 0.075 + 1.58 * Math.exp(-(at - 1) / 3.1));
  const validation = x.map((at) => 0.42 + 1.5 * Math.exp(-(at - 1) / 2.6) + rise(at));
  const shared = { x, ink: theme.grey, shown: true };
  return [
    { ...shared, y: training, colour: theme.training, dash: "5px 5px", width: 1.8, label: said.training, opacity: 0.45 },
    { ...shared, y: validation, colour: theme.validation, width: 2.2, label: said.validation, opacity: 0.32 },
  ];
}

function exampleWords({ words: said, theme }) {
  const place = { yref: "paper", align: "left", xanchor: "left", yanchor: "top", xshift: 6, yshift: -14 };
  return words(`${escaped(said.example_turn)}<br>${escaped(said.example)}`, 10.5, 1, theme.grey, place);
}
