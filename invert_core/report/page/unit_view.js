/* The view of one unit: its label and its peak, why one does not hold, and the evidence. */

async function unitView(path) {
  const asked = unitAsked(path);
  if (asked.entry == null) {
    return [el('p', { class: 'wait' }, 'There is no unit ', nameNode(path[0]), '.')];
  }
  const { entry } = asked;
  const detail = await detailOf(entry);
  const living = detail.rows.filter(row => row.f);
  if (!living.length) return [crumbs(entry), deadUnit(entry, detail)];
  const row = detail.rows[asked.row] ?? headlineOf(detail, 0) ?? living[0];
  const samples = await samplesAt([...new Set(
    [...detail.top, ...detail.mid, ...row.miss ?? [], ...row.al ?? []])]);
  const called = calledOf(row);
  return [
    crumbs(entry),
    answersNode(entry, detail, row),
    warning(entry, detail, row, called),
    el('div', { class: 'grid' },
      firesFor(entry, detail, row, samples, called),
      el('div', { class: 'side w4' }, sharesCard(entry, detail, row), followsCard(entry, detail)),
      nearCards(detail, row, samples, called),
      chartCards(entry, detail, row),
      alikeCard(detail),
      formulasCard(entry, detail, row)),
  ];
}

/** What a link asks for: the address, perhaps `negative`, perhaps the number of a row from 1. */
function unitAsked([address, ...rest]) {
  const end = rest[0] === 'negative' ? '/negative' : '';
  const row = Number(rest.at(end ? 1 : 0) ?? 0) - 1;
  const found = [address + end, address, `${address}/negative`].find(one => entryAt.has(one));
  return { entry: entryAt.get(found), row };
}

const headlineOf = (detail, objective) =>
  detail.rows.find(row => row.f && row.o === objective && row.y);

/** What a row is called in sentences: the label, the peak, or another formula. */
const calledOf = row => (row.y ? answerName(row.o) : 'formula');

/** The entry so many steps on in the order of the table, or of all if the table lacks this one. */
function neighbour(entry, steps) {
  const at = order.indexOf(entry);
  return at < 0 ? ENTRIES[entry + steps] : order[at + steps];
}

function crumbs(entry) {
  const step = (steps, text, id) => {
    const next = neighbour(entry, steps);
    return next != null && el('a', { href: unitLink(next), id, class: 'step' }, text);
  };
  const other = hasBothEnds ? otherEnd(entry) : null;
  return el('div', { class: 'crumbs' }, link(stateLink(), 'all units'),
    el('span', { class: 'soft', 'aria-hidden': 'true' }, '/'),
    el('h1', { class: 'address' }, unitNode(entry)),
    other != null && link(unitLink(other), isNegative(entry) ? 'its high end' : 'its low end'),
    el('span', { class: 'gap' }),
    button(pins.has(entry) ? 'unpin' : 'pin to compare', () => togglePin(entry),
      { id: 'pin', 'aria-pressed': String(pins.has(entry)) }),
    step(-1, '← previous', 'previous'), step(1, 'next →', 'next'));
}

const otherEnd = entry =>
  entryAt.get(addressOf(entry) + (isNegative(entry) ? '' : '/negative'));

function deadUnit(entry, detail) {
  const [low] = detail.r;
  return el('div', { class: 'card w12' }, el('p', { class: 'headline' }, 'This unit is dead'),
    el('p', {}, `Its activation is ${plainValue(low)} on all ${grouped(HEAD.n_samples)} samples, `
      + 'so there is nothing that a formula could explain.'));
}

/** Label and peak, or one for both if they are the same; then another row that is looked at. */
function answersNode(entry, detail, row) {
  const answers = HEAD.objectives.map((objective, number) => headlineOf(detail, number));
  const [label] = answers;
  const others = answers.slice(1).filter(isThere);
  const isSame = label && others.length && others.every(other => other.f === label.f);
  const nodes = isSame
    ? [answerNode(entry, detail, label, row, 'label', others)]
    : answers.filter(isThere).map(one => answerNode(entry, detail, one, row, answerName(one.o)));
  if (!row.y) nodes.push(answerNode(entry, detail, row, row, 'another formula'));
  return el('div', { class: 'answers' }, nodes);
}

function answerNode(entry, detail, one, row, called, same = []) {
  const isLookedAt = one === row || same.includes(row);
  const at = detail.rows.indexOf(one);
  return el('section', { class: `answer ${isLookedAt ? 'looked-at' : ''}` },
    el('h2', { title: answerMeaning(one.o) }, called, ' ', verdictNode(HEAD.verdicts[one.v]),
      same.map(other => [` · ${answerName(other.o)} `, verdictNode(HEAD.verdicts[other.v])]),
      !isLookedAt && el('a', { class: 'show-it', href: unitLink(entry, at) }, 'show its evidence')),
    el('p', { class: 'headline' }, formulaNode(one.f, { links: true })),
    el('p', { class: 'soft' }, el('code', {}, el('bdi', {}, cut(symbolFormula(one.f), 300)))),
    el('dl', { class: 'numbers' }, numbersOf(entry, one, same)));
}

/** The numbers of a formula, each with what it is. */
function numbersOf(entry, row, same) {
  const size = topSize(row.n);
  const at = HEAD.cuts.indexOf(size);
  const scores = [row, ...same].filter(one => isOfHighest(HEAD.objectives[one.o]));
  return [
    ['AUC', fixed(row.a), 'how well the activation separates inside from outside; 0.5 is chance, '
      + `${isNegative(entry) ? '0, at the low end,' : '1'} is perfect`],
    hasUnseen && ['AUC, unseen', fixed(row.ah), interval(row), row.ci && between(row.ci)],
    ...scores.flatMap(scored => [
      [scoreName(HEAD.objectives[scored.o]), fixed(scored.s),
        `overlap with the highest ${percent(HEAD.quantile)} of the samples, at least 20; `
        + '1 is perfect'],
      hasUnseen && scored.sh != null && [`${scoreName(HEAD.objectives[scored.o])}, unseen`,
        fixed(scored.sh), 'the same on unseen samples']]),
    row.hits && [`of ${size} ${endWord(entry)}`, `${hitsText(row.hits[at])} inside`,
      `${hitsText(size * row.n / row.N)} are expected by chance`],
    ['p', row.p, 'the probability that a search finds one as good by chance'],
    row.q != null && ['q', row.q, 'p corrected for all units of the layer'],
    ...same.flatMap(other => {
      const of = `of the ${answerName(other.o)}`;
      const by = scoreName(HEAD.objectives[other.o]);
      return [[`p ${of}`, other.p, `the same in a search by ${by}`],
        other.q != null && [`q ${of}`, other.q, 'this p corrected for all units of the layer']];
    }),
    ['inside', `${grouped(row.n)} (${percent(row.n / row.N)})`,
      row.N < HEAD.n_samples ? `of the ${grouped(row.N)} samples on which it is defined`
        : 'samples on which the formula is true'],
  ].filter(Boolean).map(([name, number, title, more]) =>
    el('div', { title }, el('dt', {}, name, more && el('small', {}, ` ${more}`)),
      el('dd', {}, number)));
}

const between = ([low, high]) => `${fixed(low, 2)}–${fixed(high, 2)}`;

function interval(row) {
  if (row.ah == null) return 'the formula is true on none or all of the unseen samples';
  const inside = `${counted(row.nh, 'unseen sample')} inside`;
  return row.ci ? `95 % interval ${between(row.ci)}; ${inside}` : inside;
}

function warning(entry, detail, row, called) {
  const same = detail.rows.find(one => one !== row && one.y && row.y && one.f === row.f
    && one.v !== row.v);
  const said = [doubt(entry, detail, row, called),
    same && doubt(entry, detail, same, calledOf(same))].filter(isThere)
    .map((sentence, at) => [at ? ' ' : '', sentence]);
  if (!said.length) return null;
  const peak = headlineOf(detail, 1);
  const helps = row.o === 0 && peak && peak.f !== row.f && HEAD.verdicts[peak.v] === 'holds';
  return el('p', { class: 'warning', role: 'note' }, said,
    helps && [` Its ${answerName(1)} does hold: `, formulaNode(peak.f), '.']);
}

function firesFor(entry, detail, row, samples, called) {
  const truths = row.in.slice(0, detail.top.length);
  return card('w8 tops', `The ${detail.top.length} ${endWord(entry)} samples`,
    samplesNode(samples, detail.top, detail.tv, truths),
    [el('span', { class: 'key-in' }, '✓ solid'), ` inside the ${called}, `,
      el('span', { class: 'key-out' }, '✗ dashed'), ' outside; the number is the activation.',
      detail.tv[0] === detail.tv.at(-1) && ' All have the same activation, so the first in '
        + 'the file are shown; of tied samples, hits count the number that is expected.',
      !row.miss && ' Missed samples, false alarms and unseen samples are shown for labels only.']);
}

function nearCards(detail, row, samples, called) {
  if (!row.miss) return null;
  return [
    nearCard('Missed', samples, row.miss, row.mv, '1',
      `Inside the ${called}, but farthest from the top.`),
    nearCard('False alarms', samples, row.al, row.av, '0',
      `Outside the ${called}, but nearest to the top.`),
    nearCard('Around the median', samples, detail.mid, detail.mv, '',
      'Samples near the median activation.'),
  ];
}

function nearCard(heading, samples, positions, values, truth, caption) {
  const truths = truth ? positions.map(() => truth) : null;
  return card('w4 near', heading, samplesNode(samples, positions, values, truths), caption);
}

function sharesCard(entry, detail, row) {
  return card('', `What the ${detail.top.length} ${endWord(entry)} share`,
    detail.share.length ? bars(shareItems(detail, row.f, conceptLinkNode))
      : el('p', {}, 'No concept is on three of them or more, and more frequent than among all '
        + 'samples.'),
    detail.share.length > 0 && ['The line is the share among all samples; ', el('b', {}, '+'),
      ` marks what the ${calledOf(row)} lacks.`]);
}

function followsCard(entry, detail) {
  const items = detail.con.map(([concept, auc]) => aucBar(auc, conceptLinkNode(concept)));
  return card('', 'Single concepts it follows',
    items.length ? bars(items) : el('p', {}, 'None has an AUC.'),
    isNegative(entry) ? 'AUC of one concept alone, seen from the low end; hatched: higher inside.'
      : 'AUC of one concept alone; hatched: lower inside.');
}

/** A bar as long as an AUC is away from 0.5; hatched below it. */
const aucBar = (auc, name) =>
  ({ name, share: 2 * Math.abs(auc - 0.5), outside: auc < 0.5, text: fixed(auc) });

function chartCards(entry, detail, row) {
  if (!row.hits) {
    return card('w12', 'Charts', el('p', {}, 'The charts of this formula were left out to keep '
      + 'the page small; labels and peaks have theirs.'));
  }
  const best = bestByLength(detail, row);
  return [
    card('w6', 'Activation inside and outside', histogramChart(detail, row),
      ['Each half is a share of its own group, so that small formulas can be seen. ',
        spread(detail), row.N < HEAD.n_samples
          && ` ${counted(HEAD.n_samples - row.N, 'sample')} on which the formula is not defined `
          + 'count as not inside.']),
    card('w6', 'How pure the top is', precisionChart(row, isNegative(entry)),
      [row.hh && curveKey(), `Share of the ${endWord(entry)} samples that are inside: of one `
        + 'sample at the left, of all at the right.']),
    card('w4', 'ROC', rocChart(row), [row.hh && curveKey(), 'The area is the AUC.']),
    best && card('w4', 'Simplicity and precision',
      lengthChart(best, HEAD.objectives[row.o]),
      'The best formula found of each length.'),
  ];
}

/** The best formulas of each length lie with the first row of each objective. */
function bestByLength(detail, row) {
  const best = detail.rows.find(one => one.o === row.o && one.len?.length)?.len;
  return best?.every(([, , , , score]) => score != null) ? best : null;
}

function spread(detail) {
  const share = detail.m / HEAD.n_samples;
  const common = share > 0.2 ? `; ${percent(share)} of the samples have the same one` : '';
  return `${counted(detail.d, 'different value')}${common}.`;
}

function formulasCard(entry, detail, row) {
  const heads = ['formula', ['found by', 'minor'], ['AUC', 'n'],
    ...(hasUnseen ? [['unseen', 'n minor']] : []), ...(BESIDE ? [['score', 'n minor']] : []),
    'top 10', 'verdict', ['p', 'n minor'], ['inside', 'n minor']];
  const rows = detail.rows.map((one, at) => one.f && el('tr',
    { 'aria-current': one === row ? 'true' : null },
    el('td', {}, el('a', { href: unitLink(entry, at), class: 'plain' }, formulaNode(one.f))),
    el('td', { class: 'minor' }, scoreName(HEAD.objectives[one.o]),
      one.y ? el('b', {}, ` · the ${answerName(one.o)}`) : null),
    el('td', { class: 'n' }, fixed(one.a)),
    hasUnseen && el('td', { class: 'n minor' }, fixed(one.ah)),
    BESIDE && el('td', { class: 'n minor' }, fixed(one.s)),
    el('td', {}, topBars(one.in.slice(0, N_FIRST), one.h)),
    el('td', {}, verdictNode(HEAD.verdicts[one.v])),
    el('td', { class: 'n minor' }, one.p), el('td', { class: 'n minor' }, grouped(one.n))))
    .filter(Boolean);
  return card('w12', 'All formulas found', plainTable('All formulas found', heads, rows),
    'The label is the one least likely to be chance of the best of each length, so it need not '
      + 'be the first. Click a formula to see its evidence.');
}

function alikeCard(detail) {
  const items = detail.like.map(([entry, correlation]) => ({
    name: link(unitLink(entry), unitNode(entry, 16)), share: Math.abs(correlation),
    outside: correlation < 0, text: fixed(correlation, 2),
  }));
  return card('w4', 'Units alike', items.length ? bars(items) : el('p', {}, 'None.'),
    'Rank correlation of the activations; hatched: opposite.');
}
