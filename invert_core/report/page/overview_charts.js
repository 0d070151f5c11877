/* The charts of all units. */

const MOST_MARKS = 3000;

/** Number of units by the AUC of their label. */
function aucChart(aucs) {
  const from = Math.min(0.5, ...aucs.length ? [smallest(aucs)] : []);
  const nBins = 25;
  const counts = new Array(nBins).fill(0);
  for (const auc of aucs) {
    counts[Math.min(nBins - 1, Math.floor((auc - from) / (1 - from) * nBins))] += 1;
  }
  const most = Math.max(1, ...counts);
  const { node, X, Y } = frame({
    width: 380, height: 240, label: `Histogram of the AUC of ${counted(aucs.length, 'label')}`,
    x: { from, to: 1, ticks: ticks(from, 1, 5), title: `${STRENGTH} of the label` },
    y: { from: 0, to: most, ticks: wholeTicks(most), title: 'units' },
  });
  const breadth = (X(1) - X(from)) / nBins;
  counts.forEach((count, at) => {
    const low = from + at * (1 - from) / nBins;
    const title = `${counted(count, 'unit')} from ${fixed(low, 2)} to `
      + fixed(low + (1 - from) / nBins, 2);
    node.append(box('plain', X(low) + 1, Y(count), breadth - 2, Y(0) - Y(count), title));
  });
  return node;
}

const wholeTicks = most => [...new Set([0, Math.ceil(most / 2), most])]
  .map(count => [count, grouped(count)]);

/** AUC against hits among the ten first samples: what the AUC hides. */
function hiddenChart(entries) {
  const from = Math.floor(Math.min(0.95, ...entries.length
    ? [smallest(entries.map(strength))] : []) * 20) / 20;
  const chart = frame({
    width: 380, height: 260, label: 'AUC of each label, and how many of the ten highest samples '
      + 'are inside; the table has the same numbers',
    x: { from, to: 1, ticks: ticks(from, 1, 5), title: `${STRENGTH} of the label` },
    y: { from: 0, to: 10, ticks: [0, 2, 4, 6, 8, 10].map(count => [count, String(count)]),
      title: 'hits among the 10 highest' },
  });
  if (entries.length > MOST_MARKS) chart.node.append(...crowd(entries, chart, from));
  else chart.node.append(...byTone(entries).map(entry => markOf(entry, chart)));
  return chart.node;
}

/** The entries in doubt last, so that no other hides them. */
function byTone(entries) {
  const tones = ['off', 'good', 'mid', 'bad'];
  const rank = entry => tones.indexOf(toneOf(verdictOf(LABEL, entry)));
  return [...entries].sort((one, other) => rank(one) - rank(other));
}

/** A unit: a disc if its label holds, a ring if partly, a triangle if it does not. */
function markOf(entry, { X, Y }) {
  const x = X(strength(entry));
  // Equal marks are moved apart a little, always alike.
  const y = Y(LABEL.hits[entry]) + ((entry * 7) % 9 - 4) * 0.8;
  const tone = toneOf(verdictOf(LABEL, entry));
  const title = draw('title', {},
    `${visible(addressOf(entry))}: ${plainFormula(LABEL.f[entry])}, `
      + `AUC ${fixed(LABEL.auc[entry])}, ${hitsText(LABEL.hits[entry])} of the first ${N_FIRST} `
      + `(${verdictOf(LABEL, entry)})`);
  const click = () => { location.hash = unitLink(entry); };
  if (tone === 'bad') {
    const d = `M${x} ${y - 6}l6 10h-12z`;
    return draw('path', { class: 'mark bad', d, click }, title);
  }
  return draw('circle', { class: `mark ${tone}`, cx: x, cy: y, r: 4.5, click }, title);
}

/** So many units that marks would hide each other: discs that grow with their number. */
function crowd(entries, { X, Y }, from) {
  const breadth = (1 - from) / 36;
  const counts = new Map();
  for (const entry of entries) {
    const column = Math.floor((strength(entry) - from) / breadth);
    const key = `${column} ${Math.round(LABEL.hits[entry])}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, count]) => {
    const [column, hits] = key.split(' ').map(Number);
    const low = from + column * breadth;
    return draw('circle', { class: 'crowd', cx: X(low + breadth / 2), cy: Y(hits),
      r: Math.min(9, 1 + Math.sqrt(count) / 2), click: () => listCrowd(low, breadth, hits) },
    draw('title', {}, `${counted(count, 'unit')} with an AUC of about `
      + `${fixed(low + breadth / 2, 2)} and ${hits} of 10 inside`));
  });
}

function listCrowd(low, breadth, hits) {
  const round = number => Number(number.toFixed(4));
  changeState({ find: `strength>=${round(low)} strength<${round(low + breadth)} `
    + `top10>=${round((hits - 0.5) / 10)} top10<${round((hits + 0.5) / 10)}` });
  byId('units').scrollIntoView();
}
