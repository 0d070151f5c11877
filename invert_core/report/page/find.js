/* Which units the table shows, and in which order: the find box, the layer, and the columns. */

const DEFAULTS = { find: '', layer: '', key: 'auc', down: true, pictures: false };
const state = { ...DEFAULTS };

/** The entries that are shown, in order; j and k on the page of a unit follow it, too. */
let order = [];

/** What `auc>0.9` may name. */
const NUMBERS = {
  auc: entry => (LABEL.f[entry] ? LABEL.auc[entry] : null),
  strength: entry => (LABEL.f[entry] ? strength(entry) : null),
  unseen: entry => LABEL.held[entry],
  top10: entry => (LABEL.f[entry] ? LABEL.hits[entry] / N_FIRST : null),
  p: entry => power(LABEL.log_p[entry]),
  q: entry => power(LABEL.log_q[entry]),
  inside: entry => (LABEL.f[entry] ? LABEL.n[entry] : null),
  length: entry => lengthOf(LABEL.f[entry]),
};
HEAD.objectives.forEach((objective, number) => {
  NUMBERS[objective] ??= entry => UNITS.answers[number].score[entry];
});

const WORDS = {
  verdict: entry => verdictOf(LABEL, entry) ?? '',
  layer: entry => layerOf(entry),
  unit: entry => String(UNITS.unit[entry]),
};
if (BESIDE) WORDS.peak = entry => verdictOf(BESIDE, entry) ?? '';

const COMPARE = {
  '<': (one, other) => one < other,
  '>': (one, other) => one > other,
  '<=': (one, other) => one <= other,
  '>=': (one, other) => one >= other,
  '=': (one, other) => one === other,
};

/** A power of ten; where it underflows, 0 is below every bound. */
const power = exponent => (exponent == null ? null : 10 ** exponent);

const SOUGHT = /(-?)(?:([a-z]\w*)(<=|>=|<|>|=|:))?(?:"([^"]*)"|(\S+))/gi;

/** Tests of the words in the find box, and what is wrong with them. */
function parseFind(text) {
  const tests = [];
  const problems = [];
  for (const [all, minus, key = '', sign, quoted, bare] of text.matchAll(SOUGHT)) {
    const wanted = quoted ?? bare;
    const { test, problem } = sought(key.toLowerCase(), sign, wanted, all.slice(minus.length));
    if (problem) problems.push(problem);
    else tests.push(minus ? entry => !test(entry) : test);
  }
  return { tests, problems };
}

function sought(key, sign, wanted, all) {
  if (entryAt.has(all)) return { test: entry => textOf(entry).includes(all.toLowerCase()) };
  if (sign === ':' && Object.hasOwn(WORDS, key)) return soughtWord(key, wanted);
  if (sign && sign !== ':' && Object.hasOwn(NUMBERS, key)) {
    let bound = Number(wanted);
    if (Number.isNaN(bound)) return { problem: `“${cut(wanted)}” is not a number.` };
    if (key === 'top10' && bound > 1) bound /= N_FIRST;  // 3 of them, not a share
    const [get, compare] = [NUMBERS[key], COMPARE[sign]];
    return { test: entry => get(entry) != null && compare(get(entry), bound) };
  }
  if (sign && sign !== ':') {
    return { problem: `There is no “${cut(key)}”: use ${Object.keys(NUMBERS).join(', ')}.` };
  }
  if (/^\w+[<>=]+$/.test(all)) return { test: () => true };  // still being typed
  const part = all.replaceAll('"', '').toLowerCase();
  return { test: entry => textOf(entry).includes(part) };
}

function soughtWord(key, wanted) {
  const words = wanted.toLowerCase().split(',');
  const known = ['verdict', 'peak'].includes(key) ? HEAD.verdicts : null;
  const strange = known && words.find(word => !known.includes(word));
  if (strange != null && known) {
    return { problem: `No verdict is called “${cut(strange)}”: ${known.join(', ')}.` };
  }
  return { test: entry => words.includes(WORDS[key](entry).toLowerCase()) };
}

const texts = new Array(N_ENTRIES);

/** What words are looked for in: unit, label and peak, in names and in ids, and verdicts. */
function textOf(entry) {
  texts[entry] ??= [addressOf(entry), unitName(entry),
    ...UNITS.answers.map(({ f }) => plainFormula(f[entry], WHOLE_NAMES)),
    ...UNITS.answers.map(({ f }) => symbolFormula(f[entry])),
    ...UNITS.answers.map(answer => verdictOf(answer, entry) ?? '')]
    .join('\n').toLowerCase();
  return texts[entry];
}

/** Fills `order`; returns what is wrong with the words in the find box. */
function findUnits() {
  const { tests, problems } = parseFind(state.find);
  if (state.layer) tests.push(entry => layerOf(entry) === state.layer);
  const column = UNIT_COLUMNS.find(({ key }) => key === state.key) ?? UNIT_COLUMNS[0];
  const keys = ENTRIES.map(column.sort);
  const sign = state.down ? -1 : 1;
  order = ENTRIES.filter(entry => tests.every(test => test(entry)));
  order.sort((one, other) => compareKeys(keys[one], keys[other], sign) || one - other);
  return problems;
}

/** What is missing comes last, whatever the direction. */
function compareKeys(one, other, sign) {
  if (one == null || other == null) return (one == null) - (other == null);
  if (one === other) return 0;
  return one < other ? -sign : sign;
}

/** The link of the table as it is, so that it can be sent. */
function stateLink() {
  const said = new URLSearchParams();
  if (state.find) said.set('find', state.find);
  if (state.layer) said.set('layer', state.layer);
  if (state.key !== DEFAULTS.key || state.down !== DEFAULTS.down) {
    said.set('sort', (state.down ? '-' : '') + state.key);
  }
  if (state.pictures) said.set('as', 'pictures');
  return said.size ? `#units?${said}` : '#units';
}

function readState(text) {
  const said = new URLSearchParams(text);
  const sort = said.get('sort');
  Object.assign(state, DEFAULTS, {
    find: said.get('find') ?? '',
    layer: HEAD.layers.includes(said.get('layer')) ? said.get('layer') : '',
    pictures: said.get('as') === 'pictures',
  });
  if (sort && UNIT_COLUMNS.some(({ key }) => key === sort.replace(/^-/, ''))) {
    Object.assign(state, { key: sort.replace(/^-/, ''), down: sort.startsWith('-') });
  }
}
