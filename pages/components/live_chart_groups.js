// Runs that differ only by chance, as one curve: their mean at each epoch and its 95 % interval. Pure functions.

// Student's t at 97.5 %: exact for one and two degrees of freedom, else by its expansion (Abramowitz & Stegun 26.7.5).
function student(freedom) {
  if (freedom === 1) return 12.7062;
  if (freedom === 2) return 4.30265;
  const z = 1.959964;
  const terms = [
    (z ** 3 + z) / 4,
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96,
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384,
    (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / 92160,
  ];
  return terms.reduce((sum, term, i) => sum + term / freedom ** (i + 1), z);
}

// Mean of at least one value and half the width of its interval; that of one value is not known.
function meanOf(values) {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { count, mean, half: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
  return { count, mean, half: student(count - 1) * Math.sqrt(variance / count) };
}

// One point for each epoch in which a run has a value, at the mean of their places; of a thinned answer only the epochs they share.
function meansOf(feeds, series, places, every) {
  const epochs = new Map();
  for (const feed of feeds)
    for (const row of feed.rows(series)) {
      if (row[VALUE] === null || row[EPOCH] % every) continue;
      if (!epochs.has(row[EPOCH])) epochs.set(row[EPOCH], { rows: [], at: [] });
      epochs.get(row[EPOCH]).rows.push(row);
      epochs.get(row[EPOCH]).at.push(places(feed).row(row));
    }
  return [...epochs]
    .sort(([a], [b]) => a - b)
    .map(([epoch, { rows, at }]) => ({
      epoch,
      step: meanOf(rows.map((row) => row[STEP])).mean,
      x: at.includes(null) ? null : meanOf(at).mean,
      ...meanOf(rows.map((row) => row[VALUE])),
    }));
}
