/* The data of the run, which lie in the page as compressed parts.

An *entry* is a unit seen from one end; its position in the columns of `UNITS` stands for it.
Details and samples lie in blocks that are unpacked when they are first asked for. */

const UNITS_A_BLOCK = 64;
const SAMPLES_A_BLOCK = 256;
const PICTURES_A_BLOCK = 64;
const CONCEPTS_A_BLOCK = 64;

const unpacked = new Map();

/** Promises what the part of this id holds, or null if there is no such part. */
function part(id) {
  if (!unpacked.has(id)) unpacked.set(id, unpack(byId(id)));
  return unpacked.get(id);
}

async function unpack(script) {
  if (!script) return null;
  if (script.type === 'application/json') return JSON.parse(script.textContent);
  const bytes = Uint8Array.from(atob(script.textContent.trim()), one => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Response(stream).json();
}

async function firstParts() {
  try {
    return await Promise.all(['head', 'concepts', 'units'].map(part));
  } catch (error) {
    byId('main').replaceChildren(el('p', { class: 'wait' },
      'This page could not be read: it is incomplete, or the browser is older than 2024.'));
    throw error;
  }
}

const [HEAD, CONCEPTS, UNITS] = await firstParts();
const N_ENTRIES = UNITS.unit.length;
const N_CONCEPTS = CONCEPTS.id.length;
const ENTRIES = Array.from({ length: N_ENTRIES }, (_, entry) => entry);

/* The first samples of which hits are told: ten, but for tiny runs. */
const N_FIRST = Math.min(10, HEAD.n_samples);

/* The answer of the first objective is the label; that of the second, if any, is beside it. */
const LABEL = UNITS.answers[0];
const BESIDE = UNITS.answers[1] ?? null;

const hasUnseen = HEAD.n_held_out > 0;
const hasBothEnds = HEAD.directions.length > 1;
const isNegative = entry => Boolean(UNITS.negative?.[entry]);

/** The verdict of an answer; a dead unit has one row, which stands for all answers. */
function verdictOf(answer, entry) {
  const word = HEAD.verdicts[answer.verdict[entry]] ?? null;
  return word ?? (HEAD.verdicts[LABEL.verdict[entry]] === 'dead' ? 'dead' : null);
}

/** The AUC seen from the end of the entry: 1 is perfect for the low end, too. */
const strength = entry => fromEnd(LABEL.auc[entry], entry);
const fromEnd = (auc, entry) => (auc != null && isNegative(entry) ? 1 - auc : auc);
const STRENGTH = HEAD.directions.includes('negative') ? 'AUC (low end: 1 − AUC)' : 'AUC';

/** The detail of an entry: docs/report.md says what its fields mean. */
async function detailOf(entry) {
  const id = `b${Math.floor(entry / UNITS_A_BLOCK)}`;
  if (!details.has(id)) details.set(id, detailsOf(await part(id)));
  return details.get(id)[entry % UNITS_A_BLOCK];
}

const details = new Map();

/** The units of a block, each with its rows; in the block, both are columns. */
function detailsOf({ units, n_rows: counts, rows }) {
  let start = 0;
  return counts.map((count, at) => {
    const found = Array.from({ length: count }, (_, number) => recordAt(rows, start + number));
    found.forEach((row, number) => complete(row, row.e ? found[number - row.e] : row));
    start += count;
    return { ...recordAt(units, at), rows: found };
  });
}

const recordAt = (columns, at) =>
  Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column[at]]));

/* What follows from the samples of a formula; repeats of a formula take it from the first row. */
const OF_FORMULA = ['hits', 'hh', 'hi', 'zi', 'in', 'miss', 'mv', 'al', 'av'];

function complete(row, first) {
  row.N ??= HEAD.n_samples;
  row.Nh ??= HEAD.n_held_out;
  row.hits &&= running(row.hits);
  row.hh = row.hh && row.Nh ? running(row.hh) : null;
  for (const name of OF_FORMULA) row[name] ??= first[name];
}

/** Sums of steps, which have two decimals. */
function running(steps) {
  let sum = 0;
  return steps.map(step => {
    sum += Math.round(100 * step);
    return sum / 100;
  });
}

/** The twelve entries that follow a concept most, as [entry, AUC]. */
async function detectorsOf(concept) {
  const block = await part(`d${Math.floor(concept / CONCEPTS_A_BLOCK)}`);
  return block?.[concept % CONCEPTS_A_BLOCK] ?? [];
}

/** Samples by their positions: a Map to {id, row, text, picture}. */
async function samplesAt(positions) {
  const found = await Promise.all(positions.map(sampleAt));
  return new Map(positions.map((position, index) => [position, found[index]]));
}

async function sampleAt(position) {
  const [block, pictures] = await Promise.all([
    part(`s${Math.floor(position / SAMPLES_A_BLOCK)}`),
    part(`p${Math.floor(position / PICTURES_A_BLOCK)}`),
  ]);
  const at = position % SAMPLES_A_BLOCK;
  return {
    id: block.id?.[at] || `row ${block.row[at]}`,
    text: block.text?.[at] ?? null,
    picture: pictures?.[position % PICTURES_A_BLOCK] ?? null,
  };
}

/* Addresses, which are also the links: #unit/relu3%3A17, and /negative for the other end. */
const layerOf = entry => HEAD.layers[UNITS.layer[entry]];
const addressOf = entry => `${layerOf(entry)}:${UNITS.unit[entry]}`;
const unitName = entry => UNITS.name?.[entry] || '';
const endOf = entry => (hasBothEnds && isNegative(entry) ? '/negative' : '');
const pathOf = entry => encodeURIComponent(addressOf(entry)) + endOf(entry);
const unitLink = (entry, row = null) =>
  `#unit/${pathOf(entry)}${row == null ? '' : `/${row + 1}`}`;
const conceptLink = concept => `#concept/${encodeURIComponent(CONCEPTS.id[concept])}`;

const conceptAt = new Map(CONCEPTS.id.map((id, concept) => [id, concept]));
const entryAt = new Map();
for (const entry of ENTRIES) entryAt.set(addressOf(entry) + endOf(entry), entry);
for (const entry of ENTRIES) {
  const named = `${layerOf(entry)}:${unitName(entry)}${endOf(entry)}`;
  if (unitName(entry) && !entryAt.has(named)) entryAt.set(named, entry);
}

/** The address for people: with the name of the unit, and the end from which it is seen.

Of a long one, the end is kept, which tells units apart. */
function unitNode(entry, most = 40) {
  const named = unitName(entry);
  const address = addressOf(entry);
  const short = tail(visible(address), most);
  return el('span', { class: 'unit' },
    el('bdi', { title: short === visible(address) ? null : visible(address) }, short),
    named && [' ', el('span', { class: 'soft' }, nameNode(named, 40))],
    endOf(entry) && el('span', { class: 'soft', title: 'seen from its lowest activations' },
      ' ↓ low end'));
}
