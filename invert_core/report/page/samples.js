/* Samples: pictures, texts or ids, each with its activation and whether it is inside. */

const TRUTHS = {
  1: ['inside', '✓', 'inside the formula'],
  0: ['outside', '✗', 'outside the formula'],
  2: ['unknown', '?', 'the formula is not defined on it'],
};

/** A list of samples: `positions` and their values; `truth` says of each 1, 0, 2 or nothing. */
function samplesNode(samples, positions, values, truth) {
  if (!positions.length) return el('p', { class: 'soft' }, 'There are none.');
  const hasPictures = positions.some(position => samples.get(position).picture);
  const kind = hasPictures ? 'pictures' : HEAD.shown === 'text' ? 'texts' : 'ids';
  const node = hasPictures ? pictured : said;
  return el('ul', { class: `samples ${kind}` }, positions.map((position, at) =>
    node(samples.get(position), values[at], TRUTHS[truth?.[at]] ?? ['', '', ''])));
}

function pictured(sample, value, [kind, mark, meaning]) {
  return el('li', { class: kind, title: sampleTitle(sample, value, meaning) },
    el('div', { class: 'picture' }, pictureNode(sample)),
    el('div', { class: 'value' }, markNode(mark, meaning), el('b', {}, plainValue(value))),
    el('bdi', { class: 'id' }, cut(sample.id)));
}

function said(sample, value, [kind, mark, meaning]) {
  return el('li', { class: kind, title: sampleTitle(sample, value, meaning) },
    markNode(mark, meaning) ?? el('span'), el('b', {}, plainValue(value)),
    el('bdi', { class: 'said' }, cut(sample.text ?? sample.id, 161)));
}

const sampleTitle = (sample, value, meaning) =>
  [visible(sample.id), `activation ${plainValue(value)}`, meaning].filter(Boolean).join(', ');

const markNode = (mark, meaning) =>
  (mark ? el('span', { class: 'in-out', role: 'img', 'aria-label': meaning }, mark) : null);

/* Pictures of at most 32 pixels are kept as they are, as PNG: their pixels are to be seen. */
function pictureNode({ id, picture }) {
  if (!picture) return el('bdi', { class: 'no-picture' }, cut(id, 24));
  const isTiny = picture.startsWith('data:image/png');
  return el('img', { src: picture, alt: visible(id), class: isTiny ? 'pixelated' : null });
}

/** The ten first samples of an answer as little bars: filled inside, hollow outside. */
function topBars(top, hits) {
  if (!top) return el('span', { class: 'soft' }, NOTHING);
  const title = `${hitsText(hits)} of the first ${top.length} inside; the first is at the left, `
    + 'filled bars are inside';
  return el('span', { class: 'top-bars', role: 'img', title, 'aria-label': title },
    [...top].map(truth => el('i', { class: TRUTHS[truth][0] })));
}

/** What the first samples share, for bars; a + marks what a formula lacks. */
function shareItems({ share, top }, formula, named) {
  const has = conceptsOf(formula);
  return share.map(([concept, hits]) => ({
    name: [has.has(concept) ? null : el('b', { title: 'the formula lacks it' }, '+ '),
      named(concept)],
    share: hits / top.length, mark: rarityOf(concept), text: `${hits} of ${top.length}`,
  }));
}
