// The look of the moment: theme and sizes, read anew for every picture, so that a change of theme or width needs no reload.

const NARROW = 480; // px
const NARROW_HEIGHT = 186, // px
  NARROW_HEIGHT_OF_TWO = 300;

function readTheme(root, colours) {
  const css = getComputedStyle(root);
  const get = (name, otherwise) => css.getPropertyValue(`--st-${name}`).trim() || otherwise;
  pen.fillStyle = get("background-color", "#ffffff");
  const background = pen.fillStyle;
  const dark = parseInt(background.slice(3, 5), 16) < 128; // the green of #rrggbb weighs most in brightness
  const own = dark ? ["#6aa9ff", "#77838f", "#a98df5", "#1aa696", "#e0a94a"] : ["#1f6fd6", "#98a4b1", "#7c5cd6", "#0f766e", "#b7791f"];
  const given = get("chart-categorical-colors", "")
    .split(/,(?![^(]*\))/)
    .map((colour) => colour.trim())
    .filter(Boolean);
  const [validation, training, , accent, amber] = given.length >= 5 ? given : own;
  return {
    validation,
    training,
    accent,
    amber,
    background,
    overlay: dark ? colours.dark : colours.light,
    text: get("text-color", dark ? "#e4e8eb" : "#14181d"),
    grey: get("gray-text-color", dark ? "#98a2ab" : "#68727c"),
    border: get("border-color", dark ? "#2a3035" : "#e4e7ea"),
    font: get("font", "sans-serif"),
  };
}

const viewsOf = (view) => (view === "both" ? ["loss", "accuracy"] : [view]);

function heightFor(width, asked, view) {
  if (width >= NARROW) return asked;
  return Math.min(view === "both" ? NARROW_HEIGHT_OF_TWO : NARROW_HEIGHT, asked);
}

// One panel, or two with the gap between them; sizes in pixels, `domain` in shares of the plot from below.
function panelsOf(o) {
  const count = o.views.length;
  const tall = (o.plotHeight - GAP * (count - 1)) / count;
  const panels = o.views.map((view, i) => {
    const top = i * (tall + GAP);
    const bottom = 1 - (top + tall) / o.plotHeight;
    const share = [Math.max(0, bottom), 1 - top / o.plotHeight];
    const rows = tall < 130 || o.narrow ? 3 : 6;
    return { ...o, view, top, tall, rows, log: o.log && view === "loss", yref: i ? "y2" : "y", axisName: i ? "yaxis2" : "yaxis", domain: share };
  });
  panels.forEach((panel) => (panel.panels = panels));
  return panels;
}

function optionsOf(chart) {
  const { data, smooth, hidden, zoom, log, axis } = chart;
  const theme = readTheme(chart.root, data.colours);
  const { width, narrow, height } = chart.reserve();
  const views = viewsOf(chart.view);
  const subjects = chart.subjects();
  const many = subjects.length > MANY;
  const named = subjects.filter((each) => !each.main).map((each) => shortened(nameOf(each.feeds[0], each.label, { words: data.words }), { narrow }));
  const ends = many ? [] : [...(subjects.length && subjects.every((each) => !each.main) ? [] : [data.words.validation, data.words.training]), ...named];
  const right = Math.max(Math.ceil(Math.max(0, ...ends.map((text) => textWidth(text, theme)))) + 14, Math.ceil(textWidth(data.words[`axis_${axis}`], theme, 11.5)) + 26);
  const left = views.includes("accuracy") ? 48 : 40;
  const head = views.length > 1 ? MARGIN.title : MARGIN.top;
  const o = {
    main: chart.main,
    live: subjects.length > 0,
    words: data.words,
    verdicts: data.verdicts,
    many,
    means: subjects.some((each) => each.feeds.length > 1),
    every: chart.shelf?.every ?? 1,
    most: Math.max(DRAWN_OF_MANY, Math.floor(MOST_DRAWN / Math.max(1, subjects.length))),
    places: memo((feed) => placesOf(feed, axis)),
    subjects, views, axis, log, smooth, hidden, zoom, theme, width, narrow, height, left, right, head,
    plotWidth: width - left - right,
    plotHeight: height - head - MARGIN.bottom,
  }; // prettier-ignore
  return { ...o, panels: panelsOf(o) };
}

function memo(make) {
  const made = new Map();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key);
  };
}
