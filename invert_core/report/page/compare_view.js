/* The view of up to four units beside each other. */

const MOST_PINS = 4;
const pins = new Set();

const compareLink = () => `#compare/${[...pins].map(pathOf).join(',')}`;

function togglePin(entry) {
  if (!pins.delete(entry)) {
    if (pins.size === MOST_PINS) pins.delete(pins.values().next().value);
    pins.add(entry);
  }
  const pin = byId('pin');
  if (pin) {
    pin.textContent = pins.has(entry) ? 'unpin' : 'pin to compare';
    pin.setAttribute('aria-pressed', String(pins.has(entry)));
  }
  showBar();
}

/** `path` is what follows #compare/, not decoded: addresses, with commas between them. */
async function compareView(path) {
  const entries = path.split(',').map(one => {
    const [address, ...rest] = one.split('/').map(decoded);
    return unitAsked([address, ...rest]).entry;
  }).filter(isThere).slice(0, MOST_PINS);
  if (!entries.length) {
    return [el('h1', {}, 'Compare'), el('p', { class: 'soft' },
      'Pin up to four units on their pages, or with p in the table, to see them side by side.')];
  }
  pins.clear();
  for (const entry of entries) pins.add(entry);
  return [el('h1', {}, 'Compare'), el('div', { class: `compare of-${entries.length}` },
    await Promise.all(entries.map(entry =>
      comparedNode(entry, entries.length > 2 ? 340 : WIDE()))))];
}

async function comparedNode(entry, width) {
  const detail = await detailOf(entry);
  const head = el('h2', {}, link(unitLink(entry), unitNode(entry)));
  const row = headlineOf(detail, 0) ?? detail.rows.find(one => one.f);
  if (!row) return el('section', { class: 'card' }, head, el('p', {}, 'This unit is dead.'));
  const first = detail.top.slice(0, 12);
  const samples = await samplesAt(first);
  const answers = HEAD.objectives.map((objective, number) => headlineOf(detail, number));
  return el('section', { class: 'card' }, head,
    el('div', {}, answers.map((one, number) => comparedAnswer(one, number, answers[0]))),
    el('div', {}, el('h3', {}, `The ${first.length} ${endWord(entry)} samples`),
      samplesNode(samples, first, detail.tv, row.in)),
    el('div', {}, answers.map((one, number) => comparedNumbers(entry, one, number, answers))),
    el('div', {}, el('h3', {}, 'Activation inside and outside the label'),
      histogramChart(detail, row, width)),
    el('div', {}, el('h3', {}, 'How pure the top is'),
      precisionChart(row, isNegative(entry), width),
      row.hh && el('p', { class: 'caption' }, curveKey())));
}

function comparedAnswer(row, number, label) {
  const called = el('span', { class: 'soft' }, `${answerName(number)} `);
  if (!row) return el('p', { class: 'soft' }, `There is no ${answerName(number)}.`);
  const isSame = row !== label && row.f === label?.f;
  return el('div', {}, el('div', {}, called, verdictNode(HEAD.verdicts[row.v])),
    isSame ? el('p', { class: 'headline soft' }, 'the same')
      : el('p', { class: 'headline' }, formulaNode(row.f, { links: true })));
}

/** The numbers of an answer; answers with the formula of the first are told with it. */
function comparedNumbers(entry, row, number, answers) {
  const first = answers.findIndex(one => one && one.f === row?.f);
  if (!row || first < number) return null;
  const same = answers.filter(one => one && one !== row && one.f === row.f);
  return el('div', {}, el('h3', {}, `Numbers of the ${answerName(number)}`),
    el('dl', { class: 'numbers' }, numbersOf(entry, row, same)));
}
