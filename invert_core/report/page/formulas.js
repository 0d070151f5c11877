/* Formulas are stored as tokens such as `12&~(3|4)`: numbers are concepts, signs stand for
themselves. */

const tokensOf = formula => formula.match(/\d+|[&|~()]/g) ?? [];
const isConcept = token => /\d/.test(token);
const conceptsOf = formula => new Set((formula.match(/\d+/g) ?? []).map(Number));
const lengthOf = formula => formula.match(/\d+/g)?.length ?? 0;

const WORD_OF = { '~': 'not ', '&': ' and ', '|': ' or ' };
const SIGN_OF = { '&': ' & ', '|': ' | ' };

const WHOLE_NAMES = CONCEPTS.name.map(visible);
const SHORT_NAMES = CONCEPTS.name.map(name => cut(name));

/** The formula in names, as plain text. */
function plainFormula(formula, names = SHORT_NAMES) {
  return tokensOf(formula)
    .map(token => (isConcept(token) ? names[token] : WORD_OF[token] ?? token))
    .join('');
}

/** The formula in ids, as `--formula` reads it. */
function symbolFormula(formula) {
  return tokensOf(formula)
    .map(token => (isConcept(token) ? quotedId(CONCEPTS.id[token]) : SIGN_OF[token] ?? token))
    .join('');
}

const quotedId = id => (/^[A-Za-z0-9_.-]+$/.test(id) ? id : JSON.stringify(id));

/** The formula in names; each concept says what it means, and may link to its page. */
function formulaNode(formula, { links = false } = {}) {
  if (!formula) return el('span', { class: 'soft' }, 'none');
  return el('span', { class: 'formula' }, tokensOf(formula).map(token => {
    if (isConcept(token)) return conceptNode(Number(token), links);
    if (token === '~') return el('em', { class: 'not' }, 'not ');
    const word = WORD_OF[token];
    return word ? el('span', { class: 'operator' }, word) : token;
  }));
}

function conceptNode(concept, links) {
  const props = { class: 'concept', title: definitionOf(concept) };
  if (links) props.href = conceptLink(concept);
  return el(links ? 'a' : 'span', props, el('bdi', {}, SHORT_NAMES[concept]));
}

const conceptLinkNode = concept => link(conceptLink(concept), conceptNode(concept, false));

/** What a concept means and how common it is, for titles. */
function definitionOf(concept) {
  const said = CONCEPTS.definition[concept] || CONCEPTS.name[concept];
  return `${visible(said)} (${grouped(CONCEPTS.n[concept])} samples)`;
}

/** The share of the samples on which a concept is true. */
function rarityOf(concept) {
  return CONCEPTS.n[concept] / (CONCEPTS.defined?.[concept] ?? HEAD.n_samples);
}
