/* Elements: the only place where nodes are made.

Whatever a run says reaches the page as text, never as markup; names are isolated with <bdi>, and
characters that would act instead of being seen are spelt out. */

const SVG = 'http://www.w3.org/2000/svg';

/** An HTML element: `el('a', {href}, 'text', [nodes])`; absent kids and properties are skipped. */
function el(tag, props, ...kids) {
  return fill(document.createElement(tag), props, kids);
}

/** The same for SVG. */
function draw(tag, props, ...kids) {
  return fill(document.createElementNS(SVG, tag), props, kids);
}

function fill(node, props, kids) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value == null || value === false) continue;
    if (typeof value === 'function') node.addEventListener(key, value);
    else if (key === 'style') node.style.cssText = value;  // the policy forbids the attribute
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...kids.flat(Infinity).filter(isThere));
  return node;
}

const smallest = numbers => numbers.reduce((one, other) => Math.min(one, other));
const largest = numbers => numbers.reduce((one, other) => Math.max(one, other));
const isThere = value => value != null && value !== false;
const byId = id => document.getElementById(id);

/* Controls, and marks that turn or hide text: C0, C1, bidirectional marks, byte order mark. */
const ODD = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Text with its odd characters spelt out, such as ⟨U+202E⟩. */
function visible(text) {
  const spelt = String(text).replace(ODD, one => `⟨U+${hex(one)}⟩`);
  return spelt.trim() || '(empty)';
}

const hex = one => one.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');

/** Visible text of at most so many characters. */
function cut(text, most = 60) {
  const all = [...visible(text)];
  return all.length > most ? `${all.slice(0, most - 1).join('')}…` : all.join('');
}

/** The last characters of a text that is too long. */
function tail(text, most) {
  const all = [...text];
  return all.length > most ? `…${all.slice(1 - most).join('')}` : text;
}

/** A name from the run; if it is too long, the title has all of it. */
function nameNode(text, most = 60) {
  const short = cut(text, most);
  const whole = visible(text);
  return el('bdi', { title: short === whole ? null : whole }, short);
}

const link = (href, ...kids) => el('a', { href }, kids);
const button = (text, click, props) =>
  el('button', { type: 'button', click, ...props }, text);

/** A card: a section with a heading, and a caption that says how to read it. */
function card(size, title, body, caption) {
  return el('section', { class: `card ${size}` }, el('h2', {}, title), body,
    caption && el('p', { class: 'caption' }, caption));
}

/** A table of plain rows; `heads` are texts, or [text, 'n'] for columns of numbers. */
function plainTable(label, heads, rows) {
  const named = heads.map(head => [head].flat());
  return el('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
    el('table', {},
      el('thead', {}, el('tr', {}, named.map(([text, kind]) =>
        el('th', { scope: 'col', class: kind }, text)))),
      el('tbody', {}, rows)));
}

/** Bars with a name before and a number behind each; `outside` ones are hatched. */
function bars(items) {
  return el('div', { class: 'bars' }, items.map(({ name, share, text, outside, mark }) => [
    el('span', { class: 'name' }, name),
    el('span', { class: 'rail', 'aria-hidden': 'true' },
      el('i', { class: outside ? 'outside' : null, style: `width:${percentOf(share)}` }),
      mark != null && el('u', { style: `left:${percentOf(mark)}` })),
    el('span', { class: 'number' }, text),
  ]));
}

const percentOf = share => `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`;
