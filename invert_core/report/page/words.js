/* Numbers and words: how they are written, what verdicts mean, and why a label is in doubt. */

const NOTHING = '–';
const grouped = number => (number == null ? NOTHING : number.toLocaleString('en'));
const fixed = (number, digits = 4) => (number == null ? NOTHING : number.toFixed(digits));
const plainValue = number => (number == null ? NOTHING : String(number));
const counted = (count, what) => `${grouped(count)} ${what}${count === 1 ? '' : 's'}`;

/** A share as a percentage; small ones keep a digit more. */
function percent(share) {
  if (share == null || Number.isNaN(share)) return NOTHING;
  return `${Number((100 * share).toFixed(share < 0.0995 ? 1 : 0))} %`;
}

/** A number of hits, which may be an expected one: two decimals, or one digit if it is small. */
const hitsText = hits =>
  (hits == null ? NOTHING : String(Number(hits < 0.1 ? hits.toPrecision(1) : hits.toFixed(2))));

/** A power of ten with four digits, which may be smaller than a number can be. */
function powerText(exponent) {
  if (exponent == null) return '';
  if (exponent > -300) return String(Number((10 ** exponent).toPrecision(4)));
  const whole = Math.floor(exponent);
  return `${(10 ** (exponent - whole)).toFixed(3)}e${whole}`;
}

const SCORES = { auc: 'AUC', iou: 'IoU', f1: 'F1' };
const scoreName = objective => SCORES[objective] ?? objective;
const isOfHighest = objective => ['phi', 'iou', 'f1'].includes(objective);

/** What an answer is called: the first is the label, that by phi the peak. */
function answerName(number) {
  if (number === 0) return 'label';
  const objective = HEAD.objectives[number];
  return objective === 'phi' ? 'peak' : `label by ${scoreName(objective)}`;
}

const answersName = number => answerName(number).replace(/^label|^peak/, '$&s');

/** What each answer is, in a sentence. */
function answerMeaning(number) {
  const objective = HEAD.objectives[number];
  const asks = { auc: 'what the whole activation separates',
    phi: 'what the strongest responses share' };
  return `${asks[objective] ?? 'the best formula'}: of the best formulas of each length by `
    + `${scoreName(objective)}, the one least likely to be chance`;
}

const capital = text => text[0].toUpperCase() + text.slice(1);

/** The words of the page, for its help. */
const TERMS = [
  ...HEAD.objectives.map((_, number) =>
    [answerName(number), `${capital(answerMeaning(number))}.`]),
  ['inside', 'The samples on which a formula is true.'],
  ['AUC', 'The probability that a sample inside has a higher activation than one outside: 0.5 is '
    + 'chance, 1 is perfect. It looks at all samples, so it may say little of the highest.'],
  ['top 10', 'The ten samples with the highest activation, the highest on the left; filled bars '
    + 'are inside.'],
  ['unseen samples', 'Samples that the search did not use: they show what was overfitted.'],
  ['phi, IoU, F1', `How well the inside agrees with the highest ${percent(HEAD.quantile)} of the `
    + 'samples, but at least 20; 1 is perfect, but a formula of more samples stays below it.'],
  ['p', 'The probability that a search finds a formula this good by chance.'],
  ['q', 'p, corrected for all units of the layer.'],
].filter(([term]) => !term.startsWith('phi') || HEAD.objectives.some(isOfHighest));

const VERDICTS = {
  holds: ['●', 'good', 'At least 6 of the 10 highest samples are inside, more than chance gives.'],
  partly: ['◐', 'mid', 'More of the 10 highest samples are inside than chance gives, '
    + 'but fewer than 6.'],
  bulk: ['▲', 'bad', 'Few of the highest samples are inside: the formula describes the bulk of '
    + 'the activations, not the peak.'],
  fades: ['▼', 'bad', 'It is clearly worse on unseen samples.'],
  chance: ['?', 'bad', 'A search finds one as good by chance too often: p is above 0.05.'],
  steps: ['≈', 'bad', 'The unit is constant but for rounding.'],
  untrusted: ['!', 'bad', 'The p-value is not to be trusted.'],
  dead: ['○', 'off', 'The activation never changes: there is nothing to explain.'],
  none: ['–', 'off', 'The run has no evidence, so there is no verdict.'],
};
const DOUBTFUL = ['bulk', 'fades', 'steps', 'chance', 'untrusted', 'partly'];

const toneOf = word => VERDICTS[word]?.[1] ?? 'off';

/** A verdict as a mark and a word; the title says what it means. */
function verdictNode(word) {
  if (!word) return el('span', { class: 'soft' }, NOTHING);
  const [mark, tone, meaning] = VERDICTS[word] ?? ['–', 'off', ''];
  return el('span', { class: `verdict ${tone}`, title: meaning },
    el('span', { 'aria-hidden': 'true' }, `${mark} `), word);
}

const endWord = entry => (isNegative(entry) ? 'lowest' : 'highest');

/** Of how many of the first samples the verdict speaks: 10, or fewer if fewer are inside. */
const topSize = inside => Math.min(N_FIRST, inside);

/** Why a label is in doubt, from the columns alone; a few words. */
function briefDoubt(entry) {
  const word = verdictOf(LABEL, entry);
  if (word === 'fades') return briefFall(entry);
  if (word === 'chance') return `as good by chance with p = ${LABEL.p[entry]}`;
  if (word === 'steps') return 'constant but for rounding';
  if (word === 'untrusted') return 'the p-value is not to be trusted';
  const hits = LABEL.hits[entry];
  const chance = N_FIRST * LABEL.n[entry] / (LABEL.N?.[entry] ?? HEAD.n_samples);
  return `${hits ? hitsText(hits) : 'none'} of its ${N_FIRST} ${endWord(entry)} samples `
    + `${hits === 1 || !hits ? 'is' : 'are'} inside (${hitsText(chance)} by chance)`;
}

function briefFall(entry) {
  const [objective] = HEAD.objectives;
  if (!isOfHighest(objective)) return `${fixed(LABEL.held[entry])} on unseen samples`;
  return `${scoreName(objective)} falls from ${fixed(LABEL.score[entry])} to `
    + `${fixed(LABEL.held_score[entry])} on unseen samples`;
}

/** How the score of a row changes on unseen samples; the AUC of the low end rises. */
function fallOf(entry, row) {
  const objective = HEAD.objectives[row.o];
  if (isOfHighest(objective)) {
    return `${scoreName(objective)} falls from ${fixed(row.s)} to ${fixed(row.sh)}`;
  }
  return `AUC ${isNegative(entry) ? 'rises' : 'falls'} from ${fixed(row.a)} to ${fixed(row.ah)}`;
}

/** The one sentence that says why a formula does not hold, as nodes; null if it does. */
function doubt(entry, detail, row, called) {
  const word = HEAD.verdicts[row.v];
  if (word === 'bulk' || word === 'partly') return missesPeak(entry, detail, row, called, word);
  return {
    fades: `The ${called}'s ${fallOf(entry, row)} on unseen samples: `
      + 'part of it fits only the samples that were searched.',
    chance: `A search of samples in random order finds a formula as good with p = ${row.p}: `
      + `the ${called} may be chance.`,
    steps: `The unit is constant but for rounding (${counted(detail.d, 'different value')}), `
      + `so the ${called} may describe rounding errors.`,
    untrusted: `The p-value of the ${called} rests on an approximation that is not to be trusted.`,
  }[word] ?? null;
}

function missesPeak(entry, detail, row, called, word) {
  const size = topSize(row.n);
  const hits = row.hits?.[HEAD.cuts.indexOf(size)] ?? (size === N_FIRST ? row.h : null);
  if (hits == null) return null;
  const share = hits / size;
  const chance = hitsText(size * row.n / row.N);
  return [`Of the ${size} samples with the ${endWord(entry)} activation, `,
    `${share > 0 && share < 0.6 ? 'only ' : ''}${hits ? hitsText(hits) : 'none'} `,
    `${hits === 1 || !hits ? 'is' : 'are'} inside the ${called} (${chance} by chance): `,
    conclusion(word, share, called), lacking(entry, detail, row), '.'];
}

function conclusion(word, share, called) {
  if (word === 'partly') {
    return `more than chance, but the ${called} does not say what most of them are`;
  }
  if (share >= 0.2) {
    return 'chance gives so many too often, so nothing shows that the unit fires for it';
  }
  return `the ${called} describes the bulk of the activations, not what the unit fires for`;
}

/** What most of the first samples share, and the formula lacks. */
function lacking(entry, detail, row) {
  const has = conceptsOf(row.f);
  const found = detail.share.find(([concept]) => !has.has(concept));
  if (!found) return null;
  const [concept, hits] = found;
  return [`; ${hits} of the ${detail.top.length} ${endWord(entry)} are “`,
    nameNode(CONCEPTS.name[concept]), `”, which the ${calledOf(row)} does not mention`];
}
