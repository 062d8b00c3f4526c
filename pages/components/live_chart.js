// The live chart in the page: its frame, its switches, and when to draw. Knows nothing of the store or the verdict's rules.

const REDRAW_MS = 120; // at most about 8 pictures a second
const NARROW = 480; // px
const NARROW_HEIGHT = 186; // px

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

function loadPlotly(address) {
  return (library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(address, serverRoot());
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => ((library = undefined), script.remove(), reject(new Error(`${script.src} did not load`)));
    document.head.append(script);
  }));
}

// ---- theme: Streamlit's variables, read anew for every picture, so that a change of theme needs no reload -----------

function readTheme(root, colours) {
  const css = getComputedStyle(root);
  const get = (name, otherwise) => css.getPropertyValue(`--st-${name}`).trim() || otherwise;
  pen.fillStyle = get("background-color", "#ffffff");
  const background = pen.fillStyle;
  const dark = parseInt(background.slice(3, 5), 16) < 128; // the green of #rrggbb weighs most in brightness
  const own = dark ? ["#6aa9ff", "#77838f", "#a98df5", "#148f82", "#e0a94a"] : ["#1f6fd6", "#98a4b1", "#7c5cd6", "#0f766e", "#b7791f"];
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
    const button = (name, style, into, press) =>
      Object.assign(make("button", style, into), { type: "button", name, onclick: () => (press(), this.redraw(true)) });
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
    else if (data.attempt !== this.data.attempt) this.feeds.forEach((feed) => feed.state === "ended" && feed.reopen());
    Object.assign(this, { asked, data });
    this.reserve();
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

  // Take the height at once, so that nothing below moves when the drawing comes.
  reserve() {
    const width = this.plot.clientWidth;
    const narrow = width < NARROW;
    const height = narrow ? Math.min(NARROW_HEIGHT, this.data.height) : this.data.height;
    this.plot.style.height = `${height}px`;
    return { width, narrow, height };
  }

  // Many changes, one picture: attributes at once, the drawing at the next frame after the pause.
  redraw(now = false) {
    if (!this.data) return;
    this.label();
    if (now) (clearTimeout(this.timer), (this.timer = null));
    if (this.timer) return;
    this.timer = setTimeout(() => requestAnimationFrame(() => this.draw()), now ? 0 : Math.max(0, this.drawn + REDRAW_MS - Date.now()));
  }

  label() {
    const { words: said, run, overlays } = this.data;
    const state = this.state();
    const points = this.feeds.reduce((sum, feed) => sum + feed.points, 0);
    const marks = {
      "data-live-chart": "",
      "data-run": run ?? overlays.join(","),
      "data-points": points,
      "data-state": state,
      "data-last": Math.max(0, ...this.feeds.map((feed) => feed.last)),
    };
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
    const plotly = await loadPlotly(this.data.library).catch(() => null);
    this.failed = !plotly;
    if (!plotly) return this.label();
    if (!this.root.isConnected) return;
    if (this.plot._dragging) return this.redraw(); // Plotly's own flag: a zoom being drawn must not be disturbed
    const picture = this.feeds.length ? curves(this.feeds, options) : example(options);
    this.plot.setAttribute("aria-label", picture.said);
    await plotly.react(this.plot, picture.traces, layout(picture, options), {
      displayModeBar: false,
      doubleClick: false,
      responsive: false,
    });
    this.listen();
  }

  options() {
    const { data, view, smooth, hidden, zoom } = this;
    const theme = readTheme(this.root, data.colours);
    const { width, narrow, height } = this.reserve();
    const labels = this.feeds.filter((feed) => feed.run !== data.run).map((feed) => shortened(feed.hello?.name ?? "", { narrow }));
    const right =
      Math.ceil(Math.max(...[data.words.validation, data.words.training, ...labels].map((text) => textWidth(text, theme)))) + 14;
    const left = view === "accuracy" ? 48 : 40;
    const plotSize = { left, right, plotWidth: width - left - right, plotHeight: height - MARGIN.top - MARGIN.bottom };
    return {
      main: data.run,
      live: this.feeds.length > 0,
      words: data.words,
      log: this.log && view === "loss",
      rows: narrow ? 3 : 6,
      most: Math.max(200, MOST_DRAWN / Math.max(1, this.feeds.length)),
      many: this.feeds.length > 8,
      theme,
      width,
      narrow,
      height,
      view,
      smooth,
      hidden,
      zoom,
      ...plotSize,
    };
  }

  listen() {
    if (this.listening) return;
    this.listening = true;
    this.plot.on("plotly_relayout", (change) => {
      for (const name of ["xaxis", "yaxis"])
        if (`${name}.range[0]` in change) this.zoom[name] = [change[`${name}.range[0]`], change[`${name}.range[1]`]];
      this.redraw(true);
    });
    this.plot.on("plotly_doubleclick", () => ((this.zoom = {}), this.redraw(true)));
    this.plot.on("plotly_clickannotation", ({ annotation }) => {
      if (!this.hidden.delete(annotation.name)) this.hidden.add(annotation.name);
      this.redraw(true);
    });
  }
}
