// Rows of a table: what is written for each level of a column, and the cells that the file holds.

// What a decoder's levels stand for; the first say whether cells of others are missing.
export function decodedCells(cells, levels) {
  const first = levels.length - cells.length;
  return cells.map((texts, i) => texts[levels[first + i]] ?? null);
}

export const storedCells = (columns, id) => columns.map(({ texts, at }) => texts[at[id]]);
