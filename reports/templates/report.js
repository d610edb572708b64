// Sorting, filtering and links into folded parts. Without it everything can be read all the same.
'use strict';

const UNITS = { ns: 1, µs: 1e3, ms: 1e6, s: 1e9, B: 1, kB: 1e3, MB: 1e6, GB: 1e9, '×': 1, '%': 1 };

/** What a cell is sorted by: a number with its unit, or else its text. */
function keyOf(row, column) {
  const text = row.cells[column]?.textContent.trim() ?? '';
  const figure = /^\$?(-?[\d.,]+(?:e-?\d+)?)[\s\u00a0]*(ns|µs|ms|s|B|kB|MB|GB|×|%)?(?:[\s(]|$)/.exec(text);
  if (!figure) return text;
  return Number(figure[1].replaceAll(',', '')) * (UNITS[figure[2]] ?? 1);
}

function compare(a, b) {
  if (typeof a === typeof b) return typeof a === 'number' ? a - b : a.localeCompare(b);
  return typeof a === 'number' ? -1 : 1; // what has no figure stands last
}

function makeSortable(table) {
  const titles = [...table.tHead.rows[0].cells];
  titles.forEach((title, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.append(...title.childNodes);
    title.append(button);
    button.addEventListener('click', () => {
      const descends = title.getAttribute('aria-sort') === 'ascending';
      titles.forEach((it) => it.removeAttribute('aria-sort'));
      title.setAttribute('aria-sort', descends ? 'descending' : 'ascending');
      const rows = [...table.tBodies[0].rows].map((row) => [keyOf(row, column), row]);
      rows.sort(([a], [b]) => compare(a, b) * (descends ? -1 : 1));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  });
}

function makeFilterable(table) {
  const field = document.createElement('input');
  field.type = 'search';
  field.placeholder = 'Filter rows';
  field.setAttribute('aria-label', 'Filter rows');
  field.className = 'filter';
  table.closest('.scroll').before(field);
  field.addEventListener('input', () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const row of table.tBodies[0].rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
  });
}

/** Opens what is folded around the place that the address names. */
function openTarget() {
  const place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!place) return;
  for (let folded = place.closest('details'); folded; folded = folded.parentElement.closest('details')) {
    folded.open = true;
  }
  place.scrollIntoView();
}

for (const table of document.querySelectorAll('table:not(.pairs)')) {
  if (table.tBodies[0].rows.length > 1) makeSortable(table);
  if (table.tBodies[0].rows.length > 8 && table.matches('.matrix, .overview, .results')) makeFilterable(table);
}
addEventListener('hashchange', openTarget);
if (location.hash) openTarget();
