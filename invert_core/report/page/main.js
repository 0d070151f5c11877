/* Links, keys, the bar at the top, the theme, and printing. */

const decoded = text => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

let turn = 0;
let afterwards = [];
let view = 'units';

/** Has something done once the view is on the page. */
const afterShow = task => afterwards.push(task);

/** What each link shows: the nodes of the view, or a promise of them. */
const VIEWS = {
  units: () => {
    afterShow(showUnits);
    return unitsView();
  },
  unit: path => unitView(path.split('/').map(decoded)),
  concepts: conceptsView,
  concept: path => conceptView([decoded(path)]),
  compare: compareView,
};

function asked() {
  const [, name = '', path = ''] = location.hash.match(/^#(\w*)[/?]?(.*)$/s) ?? [];
  return { name: Object.hasOwn(VIEWS, name) ? name : 'units', path };
}

async function show() {
  turn += 1;
  const mine = turn;
  const { name, path } = asked();
  if (name === 'units') readState(path);
  afterwards = [];
  const tasks = afterwards;
  const nodes = await nodesOf(name, path);
  if (mine !== turn) return;
  const last = view;
  view = name;
  byId('main').replaceChildren(...nodes.flat(Infinity).filter(isThere));
  tasks.forEach(task => task());
  showBar();
  document.title = [titleOf(name, path), visible(HEAD.title)].filter(Boolean).join(' · ');
  arrive(name, path, last);
}

/** The nodes of a view; a fault of the page ends in a sentence, not in an empty page. */
async function nodesOf(name, path) {
  try {
    return await VIEWS[name](path);
  } catch (error) {
    console.error(error);
    return [el('p', { class: 'wait' }, `This view cannot be shown: ${visible(error.message)}`)];
  }
}

const titleOf = (name, path) =>
  (['unit', 'concept'].includes(name) ? cut(decoded(path), 80) : { concepts: 'Concepts',
    compare: 'Compare' }[name]);

/* The table is found again as it was left. */
let lastUnit = null;
let tableScroll = 0;

/* Set by the key for finding, where the box is on another view. */
let focusesFind = false;

function arrive(name, path, last) {
  if (name === 'unit') lastUnit = unitAsked(path.split('/').map(decoded)).entry;
  if (name === 'units' && last === 'unit') {
    scrollTo(0, tableScroll);
    if (lastUnit != null) unitTable.select(lastUnit);
  } else if (turn > 1 && !(name === 'unit' && last === 'unit')) scrollTo(0, 0);
  if (turn > 1) byId('main').focus({ preventScroll: true });
  if (focusesFind) byId('find')?.focus();
  focusesFind = false;
}

function showBar() {
  const items = [
    [stateLink(), 'Units', ['units', 'unit']],
    ['#concepts', 'Concepts', ['concepts', 'concept']],
    [compareLink(), pins.size ? `Compare (${pins.size})` : 'Compare', ['compare']],
  ];
  byId('bar').replaceChildren(
    el('b', { class: 'brand', title: `invert ${HEAD.version}` }, 'invert'),
    el('nav', { 'aria-label': 'Views' }, items.map(([href, text, views]) =>
      el('a', { href, 'aria-current': views.includes(view) ? 'page' : null }, text))),
    button(['◐', el('span', { class: 'long' }, ' theme')], switchTheme,
      { 'aria-label': 'Light or dark theme' }),
    button(['?', el('span', { class: 'long' }, ' help')], () => byId('help').showModal(),
      { 'aria-label': 'Help: words and keys' }));
}

function switchTheme() {
  const { dataset } = document.documentElement;
  const isDark = dataset.theme ? dataset.theme === 'dark'
    : matchMedia('(prefers-color-scheme: dark)').matches;
  dataset.theme = isDark ? 'light' : 'dark';
}

/** The table of the view, unless pictures are shown instead. */
function tableInSight() {
  if (view === 'units') return state.pictures ? null : unitTable;
  return view === 'concepts' ? conceptTable : null;
}

/** Goes on in the table, or from unit to unit; the link counts, which changes before the view. */
function step(steps) {
  const { name, path } = asked();
  if (name !== 'unit') {
    tableInSight()?.move(steps);
    return;
  }
  const { entry } = unitAsked(path.split('/').map(decoded));
  const next = entry == null ? null : neighbour(entry, steps);
  if (next != null) location.hash = unitLink(next);
}

function find() {
  if (byId('find')) {
    byId('find').focus();
    return;
  }
  focusesFind = true;
  location.hash = stateLink();
}

function openRow() {
  const current = tableInSight()?.current();
  if (current != null) location.hash = view === 'units' ? unitLink(current) : conceptLink(current);
}

function pin() {
  if (view === 'unit') byId('pin')?.click();
  else if (view === 'units' && tableInSight()?.current() != null) togglePin(unitTable.current());
}

const KEYS = {
  '/': find,
  j: () => step(1),
  k: () => step(-1),
  Enter: openRow,
  p: pin,
  c: () => { location.hash = compareLink(); },
  Escape: () => { if (view !== 'units') location.hash = stateLink(); },
  '?': () => byId('help').showModal(),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId('help').open) return;
  const isTyping = event.target.matches('input, select');
  if (isTyping) {
    if (event.key === 'Escape') event.target.blur();
    if (event.key === 'ArrowDown' && event.target.id === 'find') tableInSight()?.node.focus();
    return;
  }
  if (event.key === 'Enter' && event.target.matches('a, button, summary')) return;
  if (!(event.key in KEYS)) return;
  event.preventDefault();
  KEYS[event.key]();
}

const KEY_NAMES = [['/', 'find'], ['j', 'next'], ['k', 'previous'], ['↓ ↑', 'in the table'],
  ['Enter', 'open the row'], ['p', 'pin to compare'], ['c', 'compare what is pinned'],
  ['Esc', 'back to all units'], ['?', 'this help']];

function fillHelp() {
  const words = HEAD.verdicts.filter(word => word in VERDICTS);
  byId('help').append(
    el('div', { class: 'help-head' }, el('h2', {}, 'What the words mean'),
      button('close', () => byId('help').close(), { autofocus: true })),
    el('dl', { class: 'terms' }, TERMS.map(([term, meaning]) =>
      [el('dt', {}, term), el('dd', {}, meaning)])),
    el('h2', {}, 'Verdicts'),
    el('dl', { class: 'terms' }, words.map(word =>
      [el('dt', {}, verdictNode(word)), el('dd', {}, VERDICTS[word][2])])),
    el('h2', {}, 'Keys'),
    el('dl', { class: 'terms keys' }, KEY_NAMES.map(([key, does]) =>
      [el('dt', {}, el('kbd', {}, key)), el('dd', {}, does)])));
}

/* On paper, the tables show all their rows. */
matchMedia('print').addEventListener('change', ({ matches }) => tableInSight()?.print(matches));
addEventListener('beforeprint', () => tableInSight()?.print(true));
addEventListener('afterprint', () => tableInSight()?.print(false));
addEventListener('resize', () => tableInSight()?.refresh());
addEventListener('scroll', () => { if (view === 'units') tableScroll = scrollY; });
addEventListener('hashchange', show);
addEventListener('keydown', onKey);
byId('skip').addEventListener('click', event => {
  event.preventDefault();
  byId('main').focus();
});

fillHelp();
await show();
document.documentElement.dataset.ready = Math.round(performance.now());
