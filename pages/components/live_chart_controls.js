// The chart's frame: what shows is chosen above the plot; the plot itself can be reached and read by keyboard.

const ICONS = {
  png: "M2.5 3h11a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM1.8 11.2l3.6-3.7 3 3 2.2-2.2 3.6 3.4M10.8 6h.01",
  csv: "M2.5 3h11a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1zM1.5 6.5h13M1.5 9.8h13M6 3v10",
};

function make(tag, name, into, more = {}) {
  return into.appendChild(Object.assign(document.createElement(tag), { className: name, ...more }));
}

function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  for (const [name, value] of Object.entries({ viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" })) svg.setAttribute(name, value);
  for (const [name, value] of Object.entries({ d: path, fill: "none", stroke: "currentColor", "stroke-width": 1.3 })) line.setAttribute(name, value);
  line.setAttribute("stroke-linecap", "round");
  return svg;
}

// Elements by name; what a press means is said by the chart.
function buildFrame(parent, press) {
  const root = make("div", "athanor-live", parent);
  const controls = make("div", "controls", root, { role: "group" });
  const segments = make("div", "segments", controls);
  const looks = make("div", "looks", controls);
  const button = (name, style, into) => make("button", style, into, { type: "button", name, onclick: () => press[name]() });
  const views = ["loss", "accuracy", "both"].map((name) => button(name, "", segments));
  const axis = make("select", "axis", looks, { onchange: () => press.axis(axis.value) });
  AXES.forEach((name) => make("option", "", axis, { value: name }));
  const switches = ["smooth", "log_axis"].map((name) => button(name, "switch", looks));
  const saves = make("div", "saves", looks);
  const savers = ["png", "csv"].map((name) => button(name, "icon", saves));
  savers.forEach((each) => each.append(icon(ICONS[each.name])));
  const stage = make("div", "stage", root, { tabIndex: 0, onkeydown: press.key, onblur: press.leave });
  stage.setAttribute("role", "application");
  const plot = make("div", "plot", stage);
  plot.setAttribute("role", "img");
  const note = make("div", "note", root);
  note.setAttribute("role", "status");
  const told = make("div", "told", root);
  told.setAttribute("aria-live", "polite");
  return { root, controls, buttons: [...views, ...switches], savers, axisSelect: axis, stage, plot, note, told };
}

// Words and states, at every change; nothing is built anew.
function labelFrame(chart) {
  const { words: said } = chart.data;
  const empty = chart.state() === "empty";
  const pressed = { loss: chart.view === "loss", accuracy: chart.view === "accuracy", both: chart.view === "both", smooth: chart.smooth, log_axis: chart.log };
  for (const each of chart.buttons) {
    setText(each, said[each.name]);
    each.setAttribute("aria-pressed", pressed[each.name]);
    each.disabled = empty || (each.name === "log_axis" && chart.view === "accuracy");
  }
  for (const each of chart.savers) {
    each.title = said[`save_${each.name}`];
    each.setAttribute("aria-label", each.title);
    each.disabled = empty;
  }
  labelAxis(chart, said, empty);
  chart.controls.setAttribute("aria-label", said.controls);
  chart.stage.setAttribute("aria-label", said.keys);
  if (!chart.picture) chart.plot.setAttribute("aria-label", said.aria_connecting);
  setText(chart.note, noteOf(chart, said));
}

function noteOf(chart, said) {
  if (chart.failed) return said.no_library;
  if (chart.unsaved) return said.not_saved;
  return chart.state() === "reconnecting" ? said.reconnecting : "";
}

function labelAxis({ axisSelect, axis, feeds }, said, empty) {
  axisSelect.setAttribute("aria-label", said.axis);
  axisSelect.disabled = empty;
  for (const option of axisSelect.options) {
    setText(option, said[`axis_${option.value}`]);
    option.disabled = option.value === "images" && !feeds.some((feed) => feed.hello?.train_images);
  }
  if (axisSelect.value !== axis) axisSelect.value = axis;
}

const setText = (element, text) => element.textContent !== text && (element.textContent = text);
