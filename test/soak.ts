/** The full counts of the rows for real; a run without it does the same on fewer. `npm run soak` runs the tests that import this. */
export const SOAK = process.env.DROPR_SOAK === '1'
