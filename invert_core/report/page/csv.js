/* The rows that are shown, as a file for spreadsheets. */

const CSV_COLUMNS = [
  ['layer', layerOf],
  ['unit', entry => UNITS.unit[entry]],
  ['unit_name', unitName],
  ['direction', entry => (isNegative(entry) ? 'negative' : 'positive')],
  ...UNITS.answers.flatMap((answer, number) => answerCsv(answer, number)),
];

function answerCsv(answer, number) {
  const called = answerName(number).replaceAll(' ', '_');
  const at = column => entry => (answer.f[entry] ? answer[column]?.[entry] ?? '' : '');
  return [
    [called, entry => plainFormula(answer.f[entry], WHOLE_NAMES)],
    [`${called}_formula`, entry => symbolFormula(answer.f[entry])],
    [`${called}_verdict`, entry => verdictOf(answer, entry) ?? ''],
    ...(HEAD.objectives[number] === 'auc' ? []
      : [[`${called}_${HEAD.objectives[number]}`, at('score')]]),
    [`${called}_auc`, at('auc')],
    [`${called}_auc_unseen`, at('held')],
    [`${called}_hits_of_10`, at('hits')],
    [`${called}_p`, entry => powerText(answer.log_p[entry])],
    [`${called}_inside`, at('n')],
  ];
}

/** A cell; what a spreadsheet would take for a command begins with an apostrophe. */
function csvCell(content) {
  if (typeof content === 'number') return String(content);
  const text = /^[=+\-@\t\r]/.test(content) ? `'${content}` : String(content);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function saveCsv() {
  const lines = [CSV_COLUMNS.map(([name]) => name),
    ...order.map(entry => CSV_COLUMNS.map(([, get]) => get(entry)))];
  const text = `${lines.map(line => line.map(csvCell).join(',')).join('\r\n')}\r\n`;
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  el('a', { href: url, download: 'units.csv' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
