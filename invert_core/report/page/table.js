/* A table of which only the rows in sight exist, so that 16,384 rows scroll as 40 do. */

const SPARE_ROWS = 8;

/** Makes a table.

spec: {kind, label, columns, rows(): ids, open(id): link, sort: {key, down}, sortBy(key)}; a
column is {key, title, hint, kind, width, sort, cell(id)}. Returns the node, and what keys and
printing need. */
function virtualTable(spec) {
  const head = el('div', { class: 'row head', role: 'row', 'aria-rowindex': 1 });
  const space = el('div', { class: 'space', role: 'presentation' });
  const body = el('div', { class: 'body', role: 'rowgroup' });
  const node = el('div', {
    class: `grid-table ${spec.kind}`, role: 'grid', tabindex: 0, 'aria-label': spec.label,
    style: `--columns:${spec.columns.map(({ width }) => width).join(' ')}`,
    scroll: () => paint(), keydown: onKey,
  }, el('div', { role: 'rowgroup', class: 'top' }, head), space, body);
  let cursor = 0;
  let printing = false;

  const rowHeight = () => parseFloat(getComputedStyle(node).getPropertyValue('--row')) || 34;

  function paintHead() {
    head.replaceChildren(...spec.columns.map(column => headCell(column, spec)));
  }

  function paint() {
    const rows = spec.rows();
    const height = rowHeight();
    const seen = Math.ceil((node.clientHeight || 600) / height) + 2 * SPARE_ROWS;
    const first = printing ? 0 : Math.max(0, Math.floor(node.scrollTop / height) - SPARE_ROWS);
    const last = printing ? rows.length : Math.min(rows.length, first + seen);
    node.style.setProperty('--rows', Math.max(3, rows.length));
    space.style.height = `${rows.length * height}px`;
    body.style.transform = `translateY(${first * height}px)`;
    body.replaceChildren(...rows.slice(first, last).map((id, at) => rowNode(id, first + at)));
    node.setAttribute('aria-rowcount', rows.length + 1);
    const current = byId(`row-${cursor}`);
    if (current) node.setAttribute('aria-activedescendant', current.id);
    else node.removeAttribute('aria-activedescendant');
  }

  function rowNode(id, at) {
    const click = event => {
      if (!event.target.closest('a')) location.hash = spec.open(id);
    };
    return el('div', { class: 'row', role: 'row', id: `row-${at}`, 'aria-rowindex': at + 2,
      'aria-selected': String(at === cursor), click },
    spec.columns.map(column => el('div', { class: `cell ${column.kind ?? ''} of-${column.key}`,
      role: 'gridcell' }, column.cell(id))));
  }

  function onKey(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12 }[event.key];
    if (steps) move(steps);
    else if (event.key === 'Home') move(-Infinity);
    else if (event.key === 'End') move(Infinity);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function move(steps) {
    cursor = Math.max(0, Math.min(spec.rows().length - 1, cursor + steps));
    reveal();
  }

  function reveal() {
    const height = rowHeight();
    const room = node.clientHeight - head.offsetHeight - height;
    const top = cursor * height;
    node.scrollTop = Math.max(top - room, Math.min(node.scrollTop, top));
    paint();
  }

  return {
    node, move,
    refresh() { paintHead(); paint(); },
    current: () => spec.rows()[cursor],
    select(id) { cursor = Math.max(0, spec.rows().indexOf(id)); reveal(); },
    print(isPrinting) { printing = isPrinting; paint(); },
  };
}

function headCell(column, spec) {
  const { key, down } = spec.sort;
  const isSorted = key === column.key;
  const arrow = isSorted && el('span', { 'aria-hidden': 'true' }, down ? ' ↓' : ' ↑');
  const sorted = isSorted && (down ? 'descending' : 'ascending');
  return el('div', { class: `cell ${column.kind ?? ''} of-${column.key}`, role: 'columnheader',
    title: column.hint, 'aria-sort': sorted },
  column.sort ? button([column.title, arrow], () => spec.sortBy(column.key)) : column.title);
}
