// Tiles of one picture, each with its words. Idempotent: Streamlit calls it at every rerun; what is the same is left alone.

const known = new WeakMap();

export default function ({ data, parentElement }) {
  const now = JSON.stringify(data);
  const before = known.get(parentElement);
  if (before?.data === now) return;
  const root = before?.root ?? parentElement.appendChild(Object.assign(document.createElement("div"), { className: "tiles" }));
  known.set(parentElement, { root, data: now });
  const grid = make("div", "grid");
  grid.style.setProperty("--across", data.across);
  grid.style.setProperty("--narrow", data.across > 8 ? 8 : 4);
  grid.append(...data.tiles.map((tile) => figure(tile, data)));
  root.replaceChildren(grid);
  root.dataset.tiles = data.tiles.length;
}

function figure(tile, sheet) {
  const one = make("figure", "");
  one.title = tile.alt;
  const picture = make("div", "picture");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", tile.alt);
  picture.style.backgroundImage = `url("${sheet.source}")`;
  picture.style.backgroundSize = `${100 * sheet.columns}% ${100 * sheet.rows}%`;
  picture.style.backgroundPosition = `${share(tile.at % sheet.columns, sheet.columns)} ${share(Math.floor(tile.at / sheet.columns), sheet.rows)}`;
  one.append(picture, make("div", tile.wrong ? "line wrong" : "line", tile.line), make("div", "quiet", tile.quiet));
  return one;
}

function share(place, count) {
  return `${count > 1 ? (100 * place) / (count - 1) : 0}%`;
}

function make(tag, name, text = "") {
  return Object.assign(document.createElement(tag), { className: name, textContent: text });
}
