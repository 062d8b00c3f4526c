// The live chart in the page: which runs it follows, what the person has chosen, and when to draw. Knows nothing of the store.

const REDRAW_MS = 120; // at most about 8 pictures a second

// ---- entry: Streamlit calls this at every rerun and theme change -------------------------------------------------

const charts = new WeakMap();

export default function ({ data: [asked], parentElement }) {
  if (!charts.has(parentElement)) charts.set(parentElement, new Chart(parentElement));
  const chart = charts.get(parentElement);
  chart.show(asked);
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

class Chart {
  constructor(parent) {
    Object.assign(this, { view: null, axis: "epoch", smooth: true, log: false, hidden: new Set(), zoom: {} });
    Object.assign(this, { main: null, shelf: null, feeds: [], turn: 0, drawnAt: 0, draft: 0, cursor: null, lifted: null, picture: null });
    Object.assign(this, buildFrame(parent, this.presses()));
    this.visible = () => this.sources().forEach((source) => (document.hidden ? source.pause() : source.resume()));
    document.addEventListener("visibilitychange", this.visible);
    this.resize = new ResizeObserver(() => this.redraw());
    this.resize.observe(this.root);
  }

  presses() {
    const then = (change) => (value) => (change(value), this.redraw(true));
    const view = (name) => then(() => (this.view = name));
    return {
      loss: view("loss"),
      accuracy: view("accuracy"),
      both: view("both"),
      smooth: then(() => (this.smooth = !this.smooth)),
      log_axis: then(() => ((this.log = !this.log), delete this.zoom.loss)),
      axis: then((name) => Object.assign(this, { axis: name, zoom: {}, cursor: null })),
      png: () => this.save(savePicture),
      csv: () => this.save(saveNumbers),
      key: (event) => pressKey(this, event),
      leave: () => this.leave(),
    };
  }

  show(data) {
    const asked = JSON.stringify([data.run, data.groups.map((group) => group.runs)]);
    const again = this.data && data.attempt !== this.data.attempt;
    this.view ??= data.view;
    this.data = data;
    if (asked !== this.asked) this.watch(data);
    else if (again) this.main?.goOn(data.attempt);
    this.asked = asked;
    this.reserve();
    this.redraw(true);
  }

  watch({ run, groups }) {
    this.sources().forEach((source) => source.pause());
    this.hidden.clear();
    const changed = () => this.redraw();
    const runs = [...new Set(groups.flatMap((group) => group.runs))];
    const even = groups.some((group) => group.runs.length > 1);
    this.main = run === null ? null : new Feed(run, changed);
    this.shelf = runs.length ? new Shelf(runs, even, changed) : null;
    this.feeds = [...(this.main ? [this.main] : []), ...(this.shelf?.feeds ?? [])];
    Object.assign(this, { zoom: {}, cursor: null, lifted: null });
    this.draft++; // what is being drawn is of other runs
    this.root.setAttribute("data-drawn", 0);
  }

  // Whatever may have a socket or a question open.
  sources() {
    return [...this.feeds, ...(this.shelf ? [this.shelf] : [])];
  }

  // What is drawn as one: the groups in the order given, the run that the chart follows above them.
  subjects() {
    const feed = (run) => this.feeds.find((each) => each.run === run);
    const groups = this.data.groups.map(({ label, runs }, rank) => ({ label, rank, feeds: runs.map(feed), main: false }));
    return [...groups, ...(this.main ? [{ label: "", rank: 0, feeds: [this.main], main: true }] : [])];
  }

  close() {
    this.sources().forEach((source) => source.pause());
    this.putOff();
    document.removeEventListener("visibilitychange", this.visible);
    this.resize.disconnect();
    if (this.listening) window.Plotly.purge(this.plot);
    this.root.remove();
  }

  // Take the height at once, so that nothing below moves when the drawing comes.
  reserve() {
    const width = this.plot.clientWidth;
    const height = heightFor(width, this.data.height, this.view);
    this.plot.style.height = `${height}px`;
    return { width, narrow: width < NARROW, height };
  }

  // Many changes, one picture: attributes at once, the drawing at the next frame after the pause; `data-drawn` says how many of
  // `data-points` are in it.
  redraw(now = false) {
    if (!this.data) return;
    this.label();
    if (now) this.putOff();
    if (this.timer) return;
    const wait = now ? 0 : Math.max(0, this.drawnAt + REDRAW_MS - Date.now());
    this.timer = setTimeout(() => (this.frame = requestAnimationFrame(() => this.draw())), wait);
  }

  putOff() {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.timer = null;
  }

  label() {
    const { run, groups } = this.data;
    const marks = {
      "data-live-chart": "",
      "data-run": run ?? groups.flatMap((group) => group.runs).join(","),
      "data-points": this.points(),
      "data-state": this.state(),
      "data-last": Math.max(0, ...this.feeds.map((feed) => feed.last)),
    };
    for (const [name, value] of Object.entries(marks)) this.root.setAttribute(name, value);
    labelFrame(this);
  }

  points() {
    return this.feeds.reduce((sum, feed) => sum + feed.points, 0);
  }

  state() {
    const states = this.feeds.map((feed) => feed.state);
    if (!states.length) return "empty";
    return ["reconnecting", "connecting", "live"].find((state) => states.includes(state)) ?? "ended";
  }

  async draw() {
    this.timer = null;
    this.drawnAt = Date.now();
    if (this.plot.clientWidth <= 0 || !this.root.isConnected) return; // in a closed tab: the size observer comes back
    const draft = ++this.draft;
    const plotly = await loadPlotly(this.data.library).catch(() => null);
    if (draft !== this.draft) return; // many may have waited for Plotly: the newest draws for all
    this.failed = !plotly;
    if (!plotly) return this.label();
    if (!this.root.isConnected) return;
    if (this.plot._dragging) return this.redraw(); // Plotly's own flag: a zoom being drawn must not be disturbed
    const options = optionsOf(this);
    this.picture = options.live ? curves(this.feeds, options) : example(options);
    this.plot.setAttribute("aria-label", this.picture.said);
    const settings = { displayModeBar: false, doubleClick: false, responsive: false };
    const points = options.live ? this.points() : 0;
    await plotly.react(this.plot, this.picture.traces, layout(this.picture, options), settings);
    if (draft !== this.draft) return; // overtaken: the newer draft does the rest
    this.root.setAttribute("data-drawn", points);
    this.listen();
    lift(this);
    point(this);
    this.root.setAttribute("data-axis", this.axis);
    this.root.setAttribute("data-view", this.view);
  }

  listen() {
    if (this.listening) return;
    this.listening = true;
    this.plot.on("plotly_relayout", (change) => this.zoomed(change));
    this.plot.on("plotly_doubleclick", () => this.unzoom());
    this.plot.on("plotly_clickannotation", ({ annotation }) => {
      if (!this.picture.lines.some((line) => line.key === annotation.name)) return;
      if (!this.hidden.delete(annotation.name)) this.hidden.add(annotation.name);
      this.redraw(true);
    });
    this.plot.on("plotly_hover", ({ points }) => this.liftLine(points[0]?.data.uid ?? null));
    this.plot.on("plotly_unhover", () => this.cursor === null && this.liftLine(null));
  }

  zoomed(change) {
    const axes = [["xaxis", "x"], ...this.picture.panels.map((p) => [p.axisName, p.view])];
    for (const [axis, name] of axes)
      if (`${axis}.range[0]` in change) this.zoom[name] = [change[`${axis}.range[0]`], change[`${axis}.range[1]`]];
    this.redraw(true);
  }

  // Follow the newest again.
  unzoom() {
    this.zoom = {};
    this.redraw(true);
  }

  liftLine(uid) {
    this.lifted = this.picture.panels[0].many ? (this.picture.lines.find((line) => uidOf(line) === uid)?.key ?? null) : null;
    lift(this);
  }

  leave() {
    Object.assign(this, { cursor: null, lifted: null });
    if (!this.picture) return;
    lift(this);
    window.Plotly.Fx.unhover(this.plot);
  }

  async save(how) {
    if (!this.picture) return;
    this.unsaved = await how(this).then(() => false, () => true); // prettier-ignore
    this.label();
  }
}
