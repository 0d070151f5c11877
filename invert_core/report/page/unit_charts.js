/* The charts of one formula of a unit. */

/** Mirrored histogram: inside above, outside below, each as a share of its own group. */
function histogramChart(detail, row, width = WIDE()) {
  const height = 260;
  const groups = groupsOf(detail, row);
  const tallest = Math.max(0.02, ...groups.bins.flatMap(bin => [bin.inside, bin.outside]));
  const middle = (MARGIN.top + height - MARGIN.bottom) / 2;
  const half = middle - MARGIN.top;
  const Y = share => Math.min(1, share / (tallest * 1.12)) * half;
  const left = MARGIN.left + (groups.zero ? 54 : 0);
  const X = linear(0, detail.h.length, left, width - MARGIN.right);
  const node = draw('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img',
    'aria-label': `Histogram of the activation: ${groups.n} samples inside the formula, `
      + `${groups.others} others` });
  const pair = (bin, x, breadth) => pairOfBars(groups, bin, { x, breadth, middle, half, Y });
  if (groups.zero) node.append(zeroBar(groups.zero, pair, tallest * 1.12, middle, half, height));
  groups.bins.forEach((bin, at) => node.append(pair(bin, X(at) + 0.5, X(1) - X(0) - 1)));
  node.append(stroke('axis', MARGIN.left, middle, width - MARGIN.right, middle),
    ...valueTicks(detail, X, height),
    ...[-1, 1].map(side => write(MARGIN.left - 7, middle - side * half / 1.12 + 4,
      percent(tallest), { class: 'end' })),
    write((left + width) / 2, height - 3, 'activation', { class: 'middle name' }),
    draw('text', { class: 'middle name', transform: `translate(11 ${middle}) rotate(-90)` },
      'share of its group'),
    write(width - MARGIN.right, MARGIN.top + 2, `inside: ${grouped(groups.n)}`,
      { class: 'end of-inside' }),
    write(width - MARGIN.right, height - MARGIN.bottom - 2,
      `${groups.undefined ? 'not inside' : 'outside'}: ${grouped(groups.others)}`,
      { class: 'end of-outside' }));
  return node;
}

/** The bins of the histogram, and the zeros apart, as counts and as shares of both groups. */
function groupsOf(detail, row) {
  const n = row.n;
  const others = HEAD.n_samples - n;
  const bin = (inside, all) => ({
    inside: inside / (n || 1), outside: (all - inside) / (others || 1),
    counts: [inside, all - inside],
  });
  return {
    n, others, undefined: HEAD.n_samples - row.N,
    bins: detail.h.map((all, at) => bin(row.hi[at], all)),
    zero: detail.z ? bin(row.zi, detail.z) : null,
  };
}

function pairOfBars(groups, bin, { x, breadth, middle, half, Y }) {
  const [inside, others] = bin.counts;
  const title = `inside: ${grouped(inside)} of ${grouped(groups.n)}, `
    + `outside: ${grouped(others)} of ${grouped(groups.others)}`;
  return draw('g', {},
    box('inside', x, middle - Y(bin.inside), breadth, Y(bin.inside)),
    box('outside', x, middle, breadth, Y(bin.outside)),
    box('catch', x, middle - half, breadth, 2 * half, title));
}

/** Samples with activation 0 are often most; their bar stands apart, cut off with its number. */
function zeroBar(zero, pair, most, middle, half, height) {
  const centre = MARGIN.left + 22;
  const cutOff = (share, side) => share > most
    && write(centre, middle - side * half / 2, percent(share), { class: 'middle halo name' });
  return draw('g', {}, pair(zero, MARGIN.left + 8, 28), cutOff(zero.inside, 1),
    cutOff(zero.outside, -1),
    write(centre, height - MARGIN.bottom + 17, '= 0', { class: 'middle' }));
}

function valueTicks(detail, X, height) {
  const [low, high] = detail.r;
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [];
  return [0, 0.25, 0.5, 0.75, 1].map(share => {
    const text = String(Number((low + share * (high - low)).toPrecision(3)));
    return write(X(share * detail.h.length), height - MARGIN.bottom + 17, text,
      { class: 'middle' });
  });
}

/** Among how many of the first samples hits are counted, of those where the formula is defined. */
const hitsOf = row => reached(HEAD.cuts, row.hits, row.N);
const unseenHitsOf = row => reached(HEAD.held_out_cuts, row.hh, row.Nh);

function reached(cuts, hits, n) {
  const last = cuts.findIndex(count => count >= n);
  const counts = [...cuts.slice(0, last), n];
  return { counts, hits: hits.slice(0, counts.length), n };
}

/** Precision among the first n samples, by the share of all, so that both curves compare. */
function precisionChart(row, negative, width = WIDE()) {
  const n = row.N;
  const base = row.n / row.N;
  const chart = frame({
    width, height: 260,
    label: `Share of the ${negative ? 'lowest' : 'highest'} samples that are inside the formula`,
    x: { from: 1 / n, to: 1, log: true, ticks: powersOfTen(n, width),
      title: `${negative ? 'lowest' : 'highest'} samples, of ${grouped(n)} (log scale)` },
    y: { from: 0, to: 1, ticks: SHARES, title: 'inside the formula' },
  });
  const { node, X, Y, bottom, right } = chart;
  const line = ({ counts, hits, n: all }) =>
    counts.map((count, at) => [X(count / all), Y(hits[at] / count)]);
  node.append(
    stroke('guide', MARGIN.left, Y(base), right, Y(base)),
    stroke('guide', X(base), MARGIN.top, X(base), bottom),
    curve('searched', line(hitsOf(row))));
  if (row.hh) node.append(curve('unseen', line(unseenHitsOf(row))));
  node.append(
    write(MARGIN.left + 4, Y(base) - 5, `chance ${percent(base)}`, { class: 'halo' }),
    write(Math.min(X(base), right - 60), MARGIN.top - 8, `as many as inside: ${grouped(row.n)}`,
      { class: 'middle' }));
  return node;
}

function powersOfTen(n, width) {
  const factor = width < 400 ? 100 : 10;
  const found = [];
  for (let count = 1; count < n * 0.6; count *= factor) {
    found.push([count / n, grouped(count)]);
  }
  return [...found, [1, 'all']];
}

function rocChart(row) {
  const axis = title => ({ from: 0, to: 1, ticks: SHARES, title });
  const { node, X, Y } = frame({
    width: 380, height: 270, label: `ROC curve; its area is the AUC, ${fixed(row.a)}`,
    x: axis('of the samples outside'), y: axis('of the samples inside'),
  });
  const line = ({ counts, hits, n }) => {
    const inside = hits.at(-1);
    const points = counts.map((count, at) =>
      [X((count - hits[at]) / ((n - inside) || 1)), Y(hits[at] / (inside || 1))]);
    return [[X(0), Y(0)], ...points];
  };
  node.append(curve('guide', [[X(0), Y(0)], [X(1), Y(1)]]), curve('searched', line(hitsOf(row))));
  if (row.hh) node.append(curve('unseen', line(unseenHitsOf(row))));
  return node;
}

/** The best score of each length: whether longer formulas are worth their length. */
function lengthChart(best, objective) {
  const scores = best.map(([, auc, , , score]) => (objective === 'auc' ? auc : score));
  const [low, high] = [smallest(scores), largest(scores)];
  const room = Math.max(0.02, (high - low) * 0.35);
  const from = Math.max(-1, low - room);
  const to = Math.min(1, high + room);
  const { node, X, Y } = frame({
    width: 380, height: 270, label: `${scoreName(objective)} of the best formula of each length`,
    x: { from: 0.6, to: best.length + 0.4, ticks: best.map((one, at) => [at + 1, one[2]]),
      title: 'concepts in the formula' },
    y: { from, to, ticks: ticks(from, to, 4), title: scoreName(objective) },
  });
  node.append(curve('searched', scores.map((score, at) => [X(at + 1), Y(score)])));
  scores.forEach((score, at) => node.append(draw('g', {},
    draw('title', {}, `${plainFormula(best[at][0])}: ${fixed(score)}`),
    draw('circle', { class: 'point', cx: X(at + 1), cy: Y(score), r: 5 }),
    write(X(at + 1), Y(score) - 10, fixed(score, 3), { class: 'middle halo name' }))));
  return node;
}
