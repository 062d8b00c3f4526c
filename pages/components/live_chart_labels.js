// Where words go: at the ends of lines, at the star, at the marks; never over each other. Places are pixels from the plot's top left.

const LINE_HEIGHT = 15;
const escaped = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const fill = (text, fields) => text.replace(/\{(\w+)\}/g, (_, name) => fields[name]);
const pen = document.createElement("canvas").getContext("2d");
const shortened = (text, o) => (text.length > (o.narrow ? 12 : 22) ? `${text.slice(0, o.narrow ? 11 : 21).trimEnd()}…` : text);

function textWidth(text, theme, size = 12) {
  pen.font = `${size}px ${theme.font}`;
  return pen.measureText(text).width;
}

function words(text, x, y, color, more) {
  return { text, x, y, showarrow: false, font: { size: 11.5, color }, borderpad: 0, ...more };
}

const across = (x, p) => ((x - p.range.x[0]) / (p.range.x[1] - p.range.x[0])) * p.plotWidth;
const level = (y, p) => (p.log ? Math.log10(y) : y);
const down = (y, p) => p.top + ((p.range.y[1] - level(y, p)) / (p.range.y[1] - p.range.y[0])) * p.tall;
const touch = (a, b) => a.left < b.right && a.right > b.left && a.top < b.bottom && a.bottom > b.top;

// Words at the ends of lines, pushed apart where they would touch; those of an overlay all beside the plot, so that a run that
// ended early does not write over the others. A click on one hides its line.
function endLabels(lines, p) {
  if (p.many) return [];
  const wanted = lines.filter((line) => line.label).map((line) => endOf(line, p)).filter(Boolean); // prettier-ignore
  const fitting = spread(wanted.sort((a, b) => a.middle - b.middle).slice(0, Math.floor(p.tall / LINE_HEIGHT)), p);
  return fitting.map(({ line, x, y, middle, given }) => {
    const text = shortened(line.label, p);
    const left = across(x, p) + 10;
    return {
      box: { left, right: left + textWidth(text, p.theme), top: given - 7, bottom: given + 7 },
      annotation: words(escaped(text), x, y, line.ink, {
        yref: p.yref,
        xanchor: "left",
        xshift: 10,
        yshift: middle - given,
        opacity: line.shown ? 1 : 0.4,
        captureevents: true,
        name: line.key,
        font: { size: 12, color: line.ink },
        ...(text === line.label ? {} : { hovertext: escaped(line.label) }),
      }),
    };
  });
}

function endOf(line, p) {
  const [x, y] = [p.range.x, p.range.y];
  const last = line.x.findLastIndex((at, i) => at <= x[1] && line.y[i] !== null);
  if (last < 0) return null;
  const aside = !p.main || last < line.x.findLastIndex((_, i) => line.y[i] !== null);
  const at = Math.min(y[1], Math.max(y[0], level(line.y[last], p)));
  return { line, x: aside && p.live ? x[1] : line.x[last], y: at, middle: p.top + ((y[1] - at) / (y[1] - y[0])) * p.tall };
}

// Downwards where they touch, and back up where that would leave the panel.
function spread(labels, p) {
  let floor = p.top;
  for (const label of labels) floor = (label.given = Math.max(label.middle, floor)) + LINE_HEIGHT;
  let ceiling = p.top + p.tall;
  for (const label of [...labels].reverse()) ceiling = (label.given = Math.min(label.given, ceiling)) - LINE_HEIGHT;
  return labels;
}

// Points of the lines, as small boxes to keep words off.
function dotsOf(lines, p, reach = 2) {
  return lines
    .filter((line) => line.shown)
    .flatMap((line) => line.x.map((x, i) => [across(x, p), line.y[i] === null ? -99 : down(line.y[i], p)]))
    .map(([x, y]) => ({ left: x - 2, right: x + 2, top: y - reach, bottom: y + reach }));
}

// The best epoch's star; its words go where no line and no other word is, preferably to the better side.
function star(lines, taken, p) {
  const line = lines.find((each) => each.feed && each.feed === p.main && each.best);
  if (!line || !line.shown) return { traces: [], annotations: [], boxes: [] };
  const { best } = line;
  const text = fill(p.words.best, { epoch: best.epoch });
  const half = textWidth(text, p.theme, 11.5) / 2;
  const [x, y] = [across(best.x, p), down(best.y, p)];
  const shift = Math.max(0, half - x) + Math.min(0, p.plotWidth + p.right - x - half - 2); // not over the ticks, not over the edge
  const box = (rise) => ({ left: x + shift - half, right: x + shift + half, top: y - rise - 7, bottom: y - rise + 7 });
  const near = [...dotsOf(lines, p), ...taken];
  const better = p.view === "loss" ? -1 : 1;
  const inside = (rise) => y - rise > p.top + 4 && y - rise < p.top + p.tall - 6;
  const rises = [19, -19, 36, -36, 52].map((distance) => better * distance).filter(inside);
  const rise = rises.find((each) => !near.some((thing) => touch(box(each), thing))) ?? rises[0] ?? 19 * better;
  const outside = best.x < p.range.x[0] || best.x > p.range.x[1] || y < p.top || y > p.top + p.tall;
  return {
    x: best.x,
    traces: [markers([best], { symbol: "star", size: 14, color: p.theme.validation, opacity: 1 }, p)],
    annotations: outside ? [] : [words(escaped(text), best.x, level(best.y, p), p.theme.text, { yref: p.yref, xshift: shift, yshift: rise })],
    boxes: outside ? [] : [box(rise), { left: x - 8, right: x + 8, top: y - 8, bottom: y + 8 }],
  };
}

// ---- marks: each gets its words where there is room, else a small dot with the words on hover -------------------------
// Words may cross a curve or the line of another mark, never other words; the place where they cross least is taken.

const TIER = 17; // px from one row of words to the next
const TIERS = 4;

function placeMarks(marks, taken, dots, p) {
  const boxes = [...taken];
  return marks.map((mark) => {
    const others = marks.filter(({ x }) => x !== mark.x).map(({ x }) => across(x, p));
    const crossed = ({ left, right }) => others.filter((x) => x > left - 2 && x < right).length;
    const cost = ({ box, far }) => far + 2 * crossed(box) + (dots.some((dot) => touch(box, dot)) ? 4 : 0);
    const free = [...candidates(mark, p)].filter(({ box }) => !boxes.some((other) => touch(box, other)));
    const found = free.map((each) => ({ ...each, cost: cost(each) })).sort((a, b) => a.cost - b.cost)[0] ?? smallest(mark, boxes, p);
    boxes.push(found.box);
    return { x: mark.x, annotation: found.annotation };
  });
}

function* candidates(mark, p) {
  const size = { width: textWidth(mark.label, p.theme, 11.5) + 8, height: mark.second ? 2 * LINE_HEIGHT : LINE_HEIGHT };
  const x = across(mark.x, p);
  const bottom = p.top + p.tall - size.height - 2;
  const rows = Array.from({ length: TIERS }, (_, row) => p.top + TIER * row).filter((top) => top < bottom);
  for (const [tier, top] of (mark.foot ? [bottom, ...rows] : [...rows, bottom]).entries())
    for (const leftward of [false, true]) {
      const left = leftward ? x - size.width : x;
      const box = { left, right: left + size.width, top, bottom: top + size.height };
      const inside = box.left >= 0 && box.right <= p.plotWidth;
      if (inside) yield { box, far: tier + (leftward ? 2.5 : 0), annotation: beside(mark, top, leftward, p) };
    }
}

function beside(mark, top, leftward, p) {
  const second = mark.second ? `<br><span style="color:${p.theme.grey}">${escaped(mark.second)}</span>` : "";
  return words(escaped(mark.label) + second, mark.x, 1, mark.ink, {
    yref: "paper",
    align: leftward ? "right" : "left",
    xanchor: leftward ? "right" : "left",
    yanchor: "top",
    xshift: leftward ? -5 : 5,
    yshift: -top,
    name: `mark ${mark.kind}`,
    ...(mark.hint ? { hovertext: escaped(mark.hint) } : {}),
  });
}

// Among those at the same place one below the other.
function smallest(mark, boxes, p) {
  const x = across(mark.x, p);
  const tops = Array.from({ length: Math.floor(p.tall / 11) }, (_, row) => p.top + 11 * row);
  const box = (top) => ({ left: x - 5, right: x + 5, top, bottom: top + 11 });
  const top = tops.find((each) => !boxes.some((other) => touch(box(each), other))) ?? p.top;
  const annotation = words("●", mark.x, 1, mark.colour, {
    yref: "paper",
    yanchor: "top",
    yshift: -top,
    font: { size: 7, color: mark.colour },
    hovertext: escaped(mark.hint ?? mark.label),
    captureevents: true,
    name: `mark ${mark.kind}`,
  });
  return { box: box(top), annotation };
}
