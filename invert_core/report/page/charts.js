/* Charts: a frame with two axes, and what is drawn in it. Colours are classes of page.css. */

const MARGIN = { left: 62, right: 14, top: 24, bottom: 38 };
const WIDE = () => (innerWidth < 600 ? 340 : 560);

const linear = (from, to, start, end) => number =>
  start + ((number - from) / ((to - from) || 1)) * (end - start);

/** A frame with axes. `x` and `y` have {from, to, ticks: [[number, text]], title, log}. */
function frame({ width, height, label, x, y }) {
  const X = scale(x, MARGIN.left, width - MARGIN.right);
  const Y = scale(y, height - MARGIN.bottom, MARGIN.top);
  const bottom = height - MARGIN.bottom;
  const right = width - MARGIN.right;
  const node = draw('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label });
  node.append(
    ...y.ticks.map(([number, text]) => draw('g', {},
      stroke('level', MARGIN.left, Y(number), right, Y(number)),
      write(MARGIN.left - 7, Y(number) + 4, text, { class: 'end' }))),
    ...x.ticks.map(([number, text]) => draw('g', {},
      stroke('tick', X(number), bottom, X(number), bottom + 4),
      write(X(number), bottom + 17, text, { class: 'middle' }))),
    stroke('axis', MARGIN.left, bottom, right, bottom),
    write((MARGIN.left + right) / 2, height - 3, x.title, { class: 'middle name' }),
    draw('text', { class: 'middle name',
      transform: `translate(11 ${(MARGIN.top + bottom) / 2}) rotate(-90)` }, y.title));
  return { node, X, Y, width, height, bottom, right };
}

function scale({ from, to, log }, start, end) {
  if (!log) return linear(from, to, start, end);
  const onLog = linear(Math.log(from), Math.log(to), start, end);
  return number => onLog(Math.log(number));
}

const stroke = (kind, x1, y1, x2, y2) => draw('line', { class: kind, x1, y1, x2, y2 });
const write = (x, y, text, props) => draw('text', { x, y, ...props }, text);

/** A line through points, solid for the samples searched or inside, dashed otherwise. */
function curve(kind, points) {
  const steps = points.map(([x, y], at) => `${at ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`);
  return draw('path', { class: `curve ${kind}`, d: steps.join('') });
}

function box(kind, x, y, width, height, title) {
  return draw('rect', { class: kind, x, y, width: Math.max(0, width), height: Math.max(0, height) },
    title && draw('title', {}, title));
}

/** What the two curves of a chart are, for its caption. */
function curveKey() {
  const stub = kind => draw('svg', { class: 'stub', width: 26, height: 8, 'aria-hidden': 'true' },
    curve(kind, [[0, 4], [26, 4]]));
  return [stub('searched'), ' samples searched, ', stub('unseen'), ' unseen samples. '];
}

/** Round numbers between two, about so many. */
function ticks(from, to, about) {
  const raw = (to - from) / about || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(one => one * power).find(one => one >= raw * 0.999);
  const found = [];
  for (let at = Math.ceil(from / step - 1e-9); at * step <= to + 1e-9; at += 1) {
    found.push([at * step, String(Number((at * step).toFixed(6)))]);
  }
  return found;
}

const SHARES = [[0, '0'], [0.5, '50 %'], [1, '100 %']];
