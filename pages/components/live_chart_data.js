// What the live chart knows of one run: its socket and the rows received from it. Draws nothing.
// `live_chart.py` joins this file and those beside it into one module.

const REFUSALS = new Set([1008, 4404]); // not allowed here, no such run: asking again would not help
const FIRST_RETRY_MS = 250,
  LAST_RETRY_MS = 5000;
const SEQ = 0,
  SERIES = 1,
  STEP = 2,
  EPOCH = 3,
  VALUE = 4,
  TIME = 5; // fields of a row

// Where the server lives, also below a prefix: Streamlit's own script lies at <root>/static/js/.
function serverRoot() {
  const script = document.querySelector('script[type="module"][src*="static/js/"]');
  return script ? new URL("../../", script.src) : new URL("./", document.baseURI);
}

// Longer and longer, and never all at once.
const patience = (tries) => Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** tries) * (0.75 + Math.random() / 4);

class Feed {
  // `served`: filled from the answers of `/curves` (see `Shelf`) until somebody says `follow`.
  constructor(run, changed, served = false) {
    Object.assign(this, { run, changed, served, tries: 0, state: "connecting", hello: null, attempt: 0, expected: 0 });
    this.empty();
    this.open();
  }

  empty() {
    Object.assign(this, { seq: 0, series: new Map(), events: [], points: 0, last: 0 });
  }

  open() {
    if (this.served || document.hidden || this.state === "ended") return;
    const url = new URL(`live?run=${this.run}&since=${this.seq}`, serverRoot());
    url.protocol = url.protocol.replace("http", "ws");
    const socket = (this.socket = new WebSocket(url));
    socket.onmessage = (message) => socket === this.socket && this.take(JSON.parse(message.data));
    socket.onclose = (close) => socket === this.socket && (REFUSALS.has(close.code) ? this.take({ kind: "end" }) : this.retry());
  }

  follow() {
    this.served = false;
    this.empty();
    this.open();
  }

  pause() {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  resume() {
    this.pause();
    this.open();
  }

  // The page knows of a new attempt. The end of the one before may still be on its way here.
  goOn(attempt) {
    this.expected = attempt;
    if (this.state === "ended") this.reopen();
  }

  reopen() {
    Object.assign(this, { state: "connecting", expected: 0 });
    this.resume();
  }

  retry() {
    if (this.state === "ended") return;
    this.state = "reconnecting";
    this.timer = setTimeout(() => this.open(), patience(this.tries++));
    this.changed();
  }

  take(message) {
    this.tries = 0;
    this.state = message.kind === "end" ? "ended" : "live";
    if (message.kind === "hello") this.hello = message;
    if (message.kind === "state") this.attempt = message.attempt;
    if (message.kind === "rows") this.takeRows(message);
    if (this.state === "ended" && this.expected > this.attempt) this.reopen();
    this.changed();
  }

  takeRows({ seq, rows = [], events = [] }) {
    for (const row of rows) if (row[SEQ] > this.seq) this.keep(row);
    for (const event of events) if (event.seq > this.seq) this.mark(event);
    this.seq = Math.max(this.seq, seq);
  }

  // One run of an answer of `/curves`: columns instead of rows, rewinds already taken out.
  fill({ series, events, ended, ...hello }) {
    this.empty();
    this.hello = hello;
    for (const [name, { seq, step, epoch, value, time }] of Object.entries(series))
      seq.forEach((at, i) => this.keep([at, name, step[i], epoch[i], value[i], time[i]]));
    this.events = events;
    this.state = ended ? "ended" : "live";
  }

  keep(row) {
    if (!this.series.has(row[SERIES])) this.series.set(row[SERIES], new Curve());
    this.series.get(row[SERIES]).push(row);
    this.points += 1;
    this.last = row[TIME];
  }

  mark(event) {
    if (event.kind === "rewind") this.rewind(event);
    this.events.push(event);
  }

  // What lies behind the step from which a new attempt goes on was never learned by the weights there are now.
  rewind(event) {
    const stays = (seq, step) => step <= event.step || seq > event.seq;
    for (const [name, curve] of this.series) this.series.set(name, new Curve(curve.rows.filter((row) => stays(row[SEQ], row[STEP]))));
    this.events = this.events.filter((old) => stays(old.seq, old.step) && !(old.kind === "rewind" && old.step === event.step));
    this.points = [...this.series.values()].reduce((sum, curve) => sum + curve.rows.length, 0);
  }

  rows(name) {
    return this.series.get(name)?.rows ?? [];
  }
}

// ---- shelf: the runs of an overlay. Ended ones come in one answer, those under way by a socket each ------------------

const MOST_ASKED = 100; // runs in one request
const MOST_SOCKETS = 8;
const LOOK_AGAIN_MS = 5000; // at runs that wait in the queue, or are too many for sockets
const MOST_POINTS = 20_000; // that the server gives
const DRAWN_OF_MANY = 200, // points of each series
  DRAWN_OF_GROUPS = 1000; // a mean needs the same epochs of all its runs

class Shelf {
  constructor(runs, even, changed) {
    Object.assign(this, { even, changed, every: 1, tries: 0 });
    this.feeds = runs.map((run) => new Feed(run, changed, true));
    this.ask();
  }

  pause() {
    clearTimeout(this.timer);
    this.waiting = null;
  }

  resume() {
    this.pause();
    this.ask();
  }

  async ask() {
    const wanted = this.feeds.filter((feed) => feed.served && feed.state !== "ended");
    if (!wanted.length || document.hidden) return;
    const asked = (this.waiting = wanted.map((feed) => feed.run));
    const answers = await Promise.all(inParts(asked, MOST_ASKED).map((runs) => this.fetch(runs))).catch(() => null);
    if (this.waiting !== asked) return; // closed, or asked again meanwhile
    if (answers) this.take(wanted, answers);
    else wanted.forEach((feed) => (feed.state = "reconnecting"));
    this.tries = answers ? 0 : this.tries + 1;
    if (wanted.some((feed) => feed.served && feed.state !== "ended"))
      this.timer = setTimeout(() => this.ask(), answers ? LOOK_AGAIN_MS : patience(this.tries));
    this.changed();
  }

  // The runs as they were measured, by number; only those that may have been thinned.
  async whole() {
    const runs = this.feeds.filter((feed) => feed.served && feed.points > DRAWN_OF_MANY / 2).map((feed) => feed.run);
    const answers = await Promise.all(inParts(runs, MOST_ASKED).map((part) => this.fetch(part, MOST_POINTS, false)));
    const feeds = answers.flatMap((answer) => answer.runs).map((run) => Object.assign(new Feed(run.run, null, true), { told: run }));
    feeds.forEach((feed) => feed.fill(feed.told));
    return new Map(feeds.map((feed) => [feed.run, feed]));
  }

  async fetch(runs, most = this.even ? DRAWN_OF_GROUPS : DRAWN_OF_MANY, even = this.even) {
    const told = `runs=${runs.join(",")}&most=${most}&even=${+even}&training=${+(this.feeds.length <= MANY)}`; // see `runLines`
    const answer = await fetch(new URL(`curves?${told}`, serverRoot()));
    if (!answer.ok) throw new Error(`${answer.status} ${answer.url}`);
    return answer.json();
  }

  take(wanted, answers) {
    const found = new Map(answers.flatMap((answer) => answer.runs).map((run) => [run.run, run]));
    this.every = Math.max(this.every, ...answers.map((answer) => answer.every));
    for (const feed of wanted) {
      const run = found.get(feed.run);
      if (!run) feed.state = "ended"; // there is no such run
      else if (run.under_way && this.sockets() < MOST_SOCKETS) ((feed.hello = run), feed.follow());
      else feed.fill(run);
    }
  }

  sockets() {
    return this.feeds.filter((feed) => !feed.served && feed.state !== "ended").length;
  }
}

const inParts = (all, size) => Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
