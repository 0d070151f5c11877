/* Samples: pictures, texts or ids, each with its activation and whether it is inside. */

const TRUTHS = {
  1: ['inside', '✓', 'inside the formula'],
  0: ['outside', '✗', 'outside the formula'],
  2: ['unknown', '?', 'the formula is not defined on it'],
};

/** A list of samples: `positions` and their values; `truth` says of each 1, 0, 2 or nothing. */
function samplesNode(samples, positions, values, truth) {
  if (!positions.length) return el('p', { class: 'soft' }, 'There are none.');
  const kind = HEAD.shown === 'picture' ? 'pictures' : HEAD.shown === 'text' ? 'texts' : 'ids';
  return el('ul', { class: `samples ${kind}` }, positions.map((position, at) =>
    sampleNode(samples.get(position), values[at], truth?.[at])));
}

function sampleNode(sample, value, truth) {
  const [kind, mark, meaning] = TRUTHS[truth] ?? ['', '', ''];
  const marked = mark && el('span', { class: 'in-out', role: 'img', 'aria-label': meaning }, mark);
  const title = [visible(sample.id), value == null ? '' : `activation ${plainValue(value)}`, meaning]
    .filter(Boolean).join(', ');
  if (HEAD.shown !== 'picture') {
    return el('li', { class: kind, title }, marked || el('span'),
      el('b', {}, plainValue(value)),
      el('bdi', { class: 'said' }, cut(sample.text ?? sample.id, 161)));
  }
  return el('li', { class: kind, title },
    el('div', { class: 'picture' }, pictureNode(sample)),
    el('div', { class: 'value' }, marked, ' ', el('b', {}, plainValue(value))),
    el('bdi', { class: 'id' }, cut(sample.id)));
}

function pictureNode(sample) {
  if (!sample.picture) return el('bdi', { class: 'no-picture' }, cut(sample.id, 24));
  return el('img', { src: sample.picture, alt: visible(sample.id),
    class: HEAD.pixelated ? 'pixelated' : null });
}

/** The ten first samples of an answer as little bars: filled inside, hollow outside. */
function topBars(top, hits) {
  if (!top) return el('span', { class: 'soft' }, NOTHING);
  const title = `${hitsText(hits)} of the 10 first samples inside; the first is at the left, `
    + 'filled bars are inside';
  return el('span', { class: 'top-bars', role: 'img', title, 'aria-label': title },
    [...top].map(truth => el('i', { class: TRUTHS[truth][0] })));
}
