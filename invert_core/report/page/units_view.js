/* The view of all units: what the labels are worth, which to doubt, charts, and the table. */

const besideName = BESIDE ? answerName(1) : '';

const MOST_OF_UNIT = 18;

/** How wide the column of units is: their addresses fit in if they are not too long. */
function unitWidth() {
  const lengths = ENTRIES.map(entry => addressOf(entry).length + unitName(entry).length
    + 8 * Boolean(endOf(entry)));
  return Math.min(MOST_OF_UNIT, Math.max(8, largest(lengths))) + 1;
}

/** The columns of the table; `first` is the order of the first click, `sort` what it sorts by. */
const UNIT_COLUMNS = [
  { key: 'unit', title: 'unit', width: `minmax(${unitWidth()}ch,1fr)`, hint: 'layer:unit',
    first: 'up', sort: entry => entry,
    cell: entry => link(unitLink(entry), unitNode(entry, MOST_OF_UNIT)) },
  { key: 'label', title: 'label', width: 'minmax(150px,3fr)', hint: answerMeaning(0), first: 'up',
    sort: entry => plainFormula(LABEL.f[entry]) || null, cell: entry => formulaCell(LABEL, entry) },
  { key: 'auc', title: 'AUC', width: '60px', kind: 'n',
    hint: 'how well the activation separates the samples inside the label from those outside: '
      + '0.5 is chance, 1 is perfect (0 for the low end)',
    sort: entry => (LABEL.f[entry] ? strength(entry) : null),
    cell: entry => (LABEL.f[entry] ? fixed(LABEL.auc[entry]) : NOTHING) },
  { key: 'unseen', title: 'unseen', width: '60px', kind: 'n', skip: !hasUnseen,
    hint: 'the same AUC on samples that the search did not see',
    sort: entry => fromEnd(LABEL.held[entry], entry), cell: entry => fixed(LABEL.held[entry]) },
  { key: 'top10', title: 'top 10', width: '74px', sort: entry => LABEL.hits[entry],
    hint: 'the ten highest samples, the highest on the left: filled bars are inside the label',
    cell: entry => topBars(LABEL.top[entry], LABEL.hits[entry]) },
  { key: 'verdict', title: 'verdict', width: '76px', first: 'up',
    hint: 'what the label is worth; hover over a word for its meaning',
    sort: entry => LABEL.verdict[entry], cell: entry => verdictNode(verdictOf(LABEL, entry)) },
  { key: 'peak', title: besideName, width: 'minmax(120px,2.2fr)', first: 'up', skip: !BESIDE,
    hint: BESIDE && answerMeaning(1), sort: entry => plainFormula(BESIDE.f[entry]) || null,
    cell: entry => (saysTheSame(entry) ? el('span', { class: 'soft' }, 'same')
      : formulaCell(BESIDE, entry)) },
  { key: 'peak-verdict', title: 'verdict', width: '76px', first: 'up', skip: !BESIDE,
    hint: `what the ${besideName} is worth`, sort: entry => BESIDE.verdict[entry],
    cell: entry => verdictNode(verdictOf(BESIDE, entry)) },
  { key: 'p', title: 'p', width: '82px', kind: 'n', first: 'up',
    hint: 'the probability that a search finds a label this good by chance',
    sort: entry => LABEL.log_p[entry],
    cell: entry => (LABEL.f[entry] ? LABEL.p[entry] ?? NOTHING : NOTHING) },
  { key: 'inside', title: 'inside', width: '58px', kind: 'n',
    hint: 'samples on which the label is true',
    sort: entry => LABEL.n[entry] || null, cell: entry => grouped(LABEL.n[entry] || null) },
].filter(column => !column.skip);

const saysTheSame = entry =>
  Boolean(LABEL.f[entry]) && LABEL.f[entry] === BESIDE?.f[entry];

function formulaCell(answer, entry) {
  const formula = answer.f[entry];
  if (!formula) return el('span', { class: 'soft' }, NOTHING);
  return el('span', { title: plainFormula(formula) }, formulaNode(formula));
}

/** The table that is on the page now, for keys and printing. */
let unitTable = null;

function unitsView() {
  findUnits();
  const labelled = ENTRIES.filter(entry => LABEL.f[entry]);
  return [
    titleNode(),
    HEAD.notes.length > 0 && el('ul', { class: 'notes' }, HEAD.notes.map(note =>
      el('li', {}, visible(note)))),
    el('div', { class: 'grid' },
      worthCard(),
      labelled.length ? [
        el('div', { class: 'side w8' }, doubtCard(labelled), usedCard()),
        el('div', { class: 'side w4' }, hiddenCard(labelled), aucCard(labelled)),
      ] : el('p', { class: 'card w12' }, 'No unit has a label: every activation is constant.')),
    tableCard(),
    originCard(),
  ];
}

function hiddenCard(labelled) {
  const judged = labelled.filter(entry => LABEL.hits[entry] != null);
  const marks = judged.length > MOST_MARKS
    ? 'Discs grow with the number of units; click one to list them.'
    : 'Each mark is a unit: a ring is a label that holds partly, a triangle one '
      + 'that does not; click one to see why.';
  return card('', 'What the AUC hides', hiddenChart(judged),
    `At the bottom right, the AUC is high, but the highest samples are not inside. ${marks}`);
}

function aucCard(labelled) {
  return card('', 'How well units are explained', aucChart(labelled.map(strength)),
    `Units by the ${STRENGTH} of their label; 0.5 is chance, 1 separates perfectly.`);
}

function titleNode() {
  const units = hasBothEnds ? `${counted(N_ENTRIES / 2, 'unit')}, each seen from both ends,`
    : counted(N_ENTRIES, 'unit');
  const facts = [
    `${units} in ${counted(HEAD.layers.length, 'layer')}`,
    counted(HEAD.n_samples, 'sample')
      + (hasUnseen ? ` and ${grouped(HEAD.n_held_out)} unseen` : ''),
    counted(N_CONCEPTS, 'concept'),
  ];
  return el('div', { class: 'title' }, el('h1', {}, nameNode(HEAD.title, 80)),
    el('p', { class: 'soft' }, facts.join(' · ')));
}

/** Counts of the verdicts of each answer; a click shows only these units. */
function worthCard() {
  return card('w12', 'What the labels are worth',
    el('div', { class: 'worth' }, UNITS.answers.slice(0, 2).map((answer, number) => [
      el('b', { title: answerMeaning(number) }, answersName(number)),
      verdictBar(answer), verdictChips(answer, number ? 'peak' : 'verdict')])),
    [BESIDE && `A label is ${answerMeaning(0)}; a ${besideName} is ${answerMeaning(1)}. `,
      'Click a verdict to see its units.', !hasUnseen && ' No unseen samples were given, so '
        + 'nothing here says how much of a label was fitted to chance but p.']);
}

function countVerdicts(answer) {
  const counts = new Map(HEAD.verdicts.map(word => [word, 0]));
  for (const entry of ENTRIES) {
    const word = verdictOf(answer, entry);
    if (word) counts.set(word, counts.get(word) + 1);
  }
  return [...counts].filter(([, count]) => count);
}

function verdictBar(answer) {
  return el('span', { class: 'stack', 'aria-hidden': 'true' },
    countVerdicts(answer).map(([word, count]) =>
      el('i', { class: toneOf(word), style: `flex-grow:${count}` })));
}

function verdictChips(answer, key) {
  return el('span', { class: 'chips' }, countVerdicts(answer).map(([word, count]) => {
    const term = `${key}:${word}`;
    return button([el('b', {}, grouped(count)), ' ', verdictNode(word)], () => toggleTerm(term), {
      class: 'chip', 'aria-pressed': String(hasTerm(term)), 'data-term': term,
    });
  }));
}

const hasTerm = term => state.find.split(/\s+/).includes(term);

/** Puts a word into the find box in place of others of its kind, or takes it out. */
function toggleTerm(term) {
  const kind = term.slice(0, term.indexOf(':') + 1);
  const others = state.find.split(/\s+/).filter(word => word && !word.startsWith(kind));
  const find = hasTerm(term) ? others : [...others, term];
  changeState({ find: find.join(' ') });
  byId('units').scrollIntoView({ block: 'nearest' });
}

const MOST_DOUBTS = 5;

function doubtCard(labelled) {
  const doubted = labelled.filter(entry => DOUBTFUL.includes(verdictOf(LABEL, entry)));
  const rank = entry => DOUBTFUL.indexOf(verdictOf(LABEL, entry));
  // Those whose AUC promises most, and whose first samples keep least of it, mislead most.
  const misleads = entry => strength(entry) - LABEL.hits[entry] / N_FIRST;
  doubted.sort((one, other) => rank(one) - rank(other)
    || misleads(other) - misleads(one) || one - other);
  const term = `verdict:${DOUBTFUL.filter(word => HEAD.verdicts.includes(word)).join(',')}`;
  const heading = el('h2', {}, 'Labels to doubt',
    doubted.length > MOST_DOUBTS && button(`all ${grouped(doubted.length)}`,
      () => toggleTerm(term), { class: 'small' }));
  return el('section', { class: 'card' }, heading,
    doubted.length ? doubted.slice(0, MOST_DOUBTS).map(doubtNode)
      : el('p', {}, noDoubts(labelled)),
    doubted.length > 0 && el('p', { class: 'caption' },
      `These labels do not say what their units fire for. Open one to see why${
        BESIDE?.f.some(Boolean) ? `, and what its ${besideName} is` : ''}.`));
}

function noDoubts(labelled) {
  if (labelled.every(entry => verdictOf(LABEL, entry) === 'none')) {
    return 'Nothing is known: this run has no evidence.';
  }
  return 'None: of every label, most of the ten highest samples are inside, and none fades.';
}

function doubtNode(entry) {
  const strip = el('div', { class: 'strip' });
  fillStrip(strip, entry, 8, 2);
  return el('a', { class: 'doubt', href: unitLink(entry) },
    el('div', { class: 'doubt-words' },
      el('div', { class: 'doubt-head' }, el('b', {}, unitNode(entry)),
        verdictNode(verdictOf(LABEL, entry)), topBars(LABEL.top[entry], LABEL.hits[entry])),
      el('div', { class: 'doubt-label' }, formulaNode(LABEL.f[entry])),
      el('div', { class: 'soft' }, `AUC ${fixed(LABEL.auc[entry])}`,
        isNegative(entry) && ' (0 is perfect here)', `, but ${briefDoubt(entry)}`),
      BESIDE?.f[entry] && !saysTheSame(entry) && el('div', {},
        el('span', { class: 'soft' }, `${besideName}: `), formulaNode(BESIDE.f[entry]), ' ',
        verdictNode(verdictOf(BESIDE, entry)))),
    strip);
}

/** The first samples of a unit, put in once they are unpacked; without any, what they share. */
async function fillStrip(strip, entry, nPictures, nTexts) {
  const detail = await detailOf(entry);
  const samples = await samplesAt(detail.top.slice(0, nPictures));
  const hasPictures = [...samples.values()].some(({ picture }) => picture);
  const first = detail.top.slice(0, hasPictures ? nPictures : nTexts);
  strip.replaceChildren(hasPictures || HEAD.shown === 'text'
    ? samplesNode(samples, first, detail.tv, LABEL.top[entry])
    : bars(shareItems(detail, LABEL.f[entry], conceptNode).slice(0, 3)));
}

const MOST_USED = 14;

function usedCard() {
  const counts = UNITS.answers.slice(0, 2).map(countConcepts);
  const most = CONCEPTS.id.map((_, concept) => concept).filter(concept => counts[0][concept])
    .sort((one, other) => counts[0][other] - counts[0][one] || one - other).slice(0, MOST_USED);
  const items = most.map(concept => ({
    name: conceptLinkNode(concept),
    share: counts[0][concept] / counts[0][most[0]],
    text: counts.map(count => grouped(count[concept])).join(' / '),
  }));
  return card('', 'Concepts used most', items.length
    ? el('div', { class: 'in-two' }, bars(items.slice(0, 7)), bars(items.slice(7)))
    : el('p', {}, 'No label has a concept.'),
  BESIDE ? `Number of labels that have the concept, then of ${answersName(1)}.`
    : 'Number of labels that have the concept.');
}

/** How many formulas of an answer have each concept. */
function countConcepts(answer) {
  const counts = new Array(N_CONCEPTS).fill(0);
  for (const formula of answer.f) for (const concept of conceptsOf(formula)) counts[concept] += 1;
  return counts;
}

function tableCard() {
  unitTable = virtualTable({
    kind: 'units', label: 'Units', columns: UNIT_COLUMNS, sort: state,
    rows: () => order, open: unitLink,
    sortBy: key => changeState({ key, down: nextDown(key) }),
  });
  return el('section', { class: 'card alone', id: 'units' }, el('h2', {}, 'Units'), findBar(),
    el('p', { id: 'problem', class: 'problem', role: 'alert' }),
    el('div', { id: 'listing' }));
}

const nextDown = key => {
  if (state.key === key) return !state.down;
  return UNIT_COLUMNS.find(column => column.key === key).first !== 'up';
};

function findBar() {
  const box = el('input', {
    type: 'search', id: 'find', 'aria-label': 'Find units', autocomplete: 'off',
    spellcheck: 'false', placeholder: 'find: a concept, a unit, auc>0.9 top10<0.5, verdict:bulk …',
    input: () => changeState({ find: box.value }),
    title: `Words, or ${Object.keys(NUMBERS).join(', ')} with < > =; verdict:bulk,partly; `
      + `${BESIDE ? 'peak:holds; ' : ''}layer:NAME; -word leaves out; "two words"`,
  });
  const layers = el('select', { 'aria-label': 'Layer',
    change: () => changeState({ layer: layers.value }) },
  el('option', { value: '' }, 'all layers'),
  HEAD.layers.map(layer => el('option', { value: layer, selected: layer === state.layer },
    cut(layer, 40))));
  box.value = state.find;
  return el('div', { class: 'find-bar' }, box, HEAD.layers.length > 1 && layers,
    el('span', { class: 'soft', id: 'count', role: 'status' }),
    button('as pictures', () => changeState({ pictures: !state.pictures }),
      { id: 'as-pictures', 'aria-pressed': String(state.pictures),
        title: 'show the first samples of each unit' }),
    button('CSV', saveCsv, { title: 'save the rows that are shown' }));
}

/** Takes a change of what is shown, also into the link. */
function changeState(change) {
  Object.assign(state, change);
  history.replaceState(null, '', stateLink());
  showUnits();
}

/** Shows the units that are asked for; called when anything in `state` has changed. */
function showUnits() {
  const problems = findUnits();
  const box = byId('find');
  if (box.value !== state.find) box.value = state.find;
  byId('problem').textContent = problems.join(' ');
  byId('count').textContent = `${grouped(order.length)} of ${grouped(N_ENTRIES)}`;
  byId('as-pictures').setAttribute('aria-pressed', String(state.pictures));
  for (const chip of document.querySelectorAll('.chip')) {
    chip.setAttribute('aria-pressed', String(hasTerm(chip.dataset.term)));
  }
  byId('listing').replaceChildren(state.pictures ? shelf() : unitTable.node);
  unitTable.refresh();
}

const SHELF_STEP = 30;

/** The units as cards with their first samples. */
function shelf(most = SHELF_STEP) {
  const node = el('div', { class: 'shelf' }, order.slice(0, most).map(shelfNode));
  const more = () => byId('listing').replaceChildren(shelf(most + 2 * SHELF_STEP));
  if (!order.length) node.append(el('p', {}, 'No unit is like that.'));
  return el('div', {}, node, order.length > most
    && button(`show more of ${grouped(order.length)}`, more));
}

function shelfNode(entry) {
  const strip = el('div', { class: 'strip' });
  if (LABEL.f[entry]) fillStrip(strip, entry, 6, 4);
  return el('a', { class: 'on-shelf', href: unitLink(entry) },
    el('div', { class: 'doubt-head' }, el('b', {}, unitNode(entry)),
      verdictNode(verdictOf(LABEL, entry)),
      el('span', { class: 'soft' }, LABEL.f[entry] ? `AUC ${fixed(LABEL.auc[entry], 3)}` : '')),
    el('div', { class: 'doubt-label' }, formulaNode(LABEL.f[entry])), strip);
}

function originCard() {
  return el('details', { class: 'card alone' }, el('summary', {}, 'Where this comes from'),
    el('dl', { class: 'origin' }, HEAD.provenance.map(([key, said]) => [
      el('dt', {}, visible(key)), el('dd', {}, el('bdi', {}, visible(said)))])));
}
