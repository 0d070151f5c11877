/* The views of all concepts and of one. */

let conceptTable = null;
const conceptState = { key: 'labels', down: true, find: '' };

function conceptsView() {
  const used = UNITS.answers.slice(0, 2).map(countConcepts);
  const columns = conceptColumns(used);
  let shown = [];
  const count = el('span', { class: 'soft', role: 'status' });
  const refresh = () => {
    shown = foundConcepts(columns);
    count.textContent = `${grouped(shown.length)} of ${grouped(N_CONCEPTS)}`;
    conceptTable.refresh();
  };
  conceptTable = virtualTable({
    kind: 'concepts', label: 'Concepts', columns, sort: conceptState,
    rows: () => shown, open: conceptLink,
    sortBy(key) {
      conceptState.down = conceptState.key === key ? !conceptState.down : key !== 'name';
      conceptState.key = key;
      refresh();
    },
  });
  const box = el('input', { type: 'search', id: 'find', 'aria-label': 'Find concepts',
    placeholder: 'find: a name, an id, a definition',
    input: () => { conceptState.find = box.value; refresh(); } });
  box.value = conceptState.find;
  afterShow(refresh);
  return [el('h1', {}, 'Concepts'),
    el('section', { class: 'card w12' }, el('div', { class: 'find-bar' }, box, count),
      conceptTable.node)];
}

function conceptColumns(used) {
  const numbers = (key, title, hint, get) => ({
    key, title, hint, width: '70px', kind: 'n', sort: get,
    cell: concept => grouped(get(concept)),
  });
  return [
    { key: 'name', title: 'concept', width: 'minmax(120px,2fr)',
      sort: concept => CONCEPTS.name[concept].toLowerCase(),
      cell: concept => link(conceptLink(concept), nameNode(CONCEPTS.name[concept], 48)) },
    { key: 'definition', title: 'definition', width: 'minmax(120px,3fr)',
      sort: concept => CONCEPTS.definition[concept] || null,
      cell: concept => el('bdi', { class: 'soft', title: visible(CONCEPTS.definition[concept]) },
        CONCEPTS.definition[concept] ? cut(CONCEPTS.definition[concept], 120) : '') },
    numbers('samples', 'samples', 'samples on which it is true', concept => CONCEPTS.n[concept]),
    numbers('labels', 'labels', 'labels that have it', concept => used[0][concept]),
    ...(BESIDE ? [numbers('peaks', answersName(1), `${answersName(1)} that have it`,
      concept => used[1][concept])] : []),
    { key: 'best', title: 'best unit', width: 'minmax(90px,1.4fr)',
      hint: 'the unit that follows it most, either way',
      cell: concept => later(concept, ([entry]) => link(unitLink(entry), unitNode(entry, 20))) },
    { key: 'auc', title: 'AUC', width: '64px', kind: 'n',
      hint: 'AUC of that unit on this concept alone',
      cell: concept => later(concept, ([, auc]) => fixed(auc)) },
  ];
}

/** A cell that is filled once the block of the concept is unpacked. */
function later(concept, show) {
  const node = el('span', {}, '');
  detectorsOf(concept).then(([best]) => node.replaceChildren(best ? show(best) : NOTHING));
  return node;
}

function foundConcepts(columns) {
  const words = conceptState.find.toLowerCase().split(/\s+/).filter(Boolean);
  const text = concept => [CONCEPTS.name[concept], CONCEPTS.id[concept],
    CONCEPTS.definition[concept]].join('\n').toLowerCase();
  const column = columns.find(({ key }) => key === conceptState.key) ?? columns[0];
  const sign = conceptState.down ? -1 : 1;
  return CONCEPTS.id.map((_, concept) => concept)
    .filter(concept => words.every(word => text(concept).includes(word)))
    .sort((one, other) => compareKeys(column.sort(one), column.sort(other), sign) || one - other);
}

async function conceptView([id]) {
  const concept = conceptAt.get(id);
  if (concept == null) {
    return [el('p', { class: 'wait' }, 'There is no concept ', nameNode(id), '.')];
  }
  const detectors = await detectorsOf(concept);
  const all = CONCEPTS.defined?.[concept] ?? HEAD.n_samples;
  return [
    el('div', { class: 'crumbs' }, link('#concepts', 'all concepts'),
      el('span', { class: 'soft', 'aria-hidden': 'true' }, '/'),
      el('code', {}, el('bdi', {}, cut(id)))),
    el('h1', {}, nameNode(CONCEPTS.name[concept], 120)),
    el('p', {}, el('bdi', {}, CONCEPTS.definition[concept]
      ? cut(CONCEPTS.definition[concept], 600) : 'It has no definition.')),
    el('p', { class: 'soft' }, `True on ${grouped(CONCEPTS.n[concept])} of ${grouped(all)} `
      + `samples (${percent(CONCEPTS.n[concept] / all)}).`),
    el('div', { class: 'grid' },
      card('w12', 'Units that follow it', followersNode(detectors),
      HEAD.directions.includes('negative')
        ? 'AUC of the unit on this concept alone, seen from its end; hatched: below 0.5.'
        : 'AUC of the unit on this concept alone; hatched: lower where the concept is true.'),
      UNITS.answers.slice(0, 2).map((answer, number) => usesCard(answer, number, concept))),
  ];
}

function followersNode(detectors) {
  if (!detectors.length) return el('p', {}, 'None.');
  const items = detectors.map(([entry, auc]) =>
    aucBar(auc, link(unitLink(entry), unitNode(entry))));
  return el('div', { class: 'in-two' }, bars(items.slice(0, 6)), bars(items.slice(6)));
}

const MOST_USES = 60;

function usesCard(answer, number, concept) {
  const users = ENTRIES.filter(entry => conceptsOf(answer.f[entry]).has(concept));
  const auc = entry => fromEnd(answer.auc[entry], entry);
  users.sort((one, other) => auc(other) - auc(one) || one - other);
  const rows = users.slice(0, MOST_USES).map(entry => el('tr', {},
    el('td', {}, link(unitLink(entry), unitNode(entry))),
    el('td', {}, formulaNode(answer.f[entry], { links: true })),
    el('td', { class: 'n' }, fixed(answer.auc[entry])),
    el('td', {}, verdictNode(verdictOf(answer, entry)))));
  const heading = `${counted(users.length, answerName(number))} with it`;
  return card(BESIDE ? 'w6' : 'w12', heading,
    rows.length ? plainTable(heading, ['unit', answerName(number), ['AUC', 'n'], 'verdict'], rows)
      : el('p', {}, 'None.'),
    users.length > MOST_USES && `The ${MOST_USES} with the highest AUC.`);
}
