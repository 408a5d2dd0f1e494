/** The same as in package.json (a test compares): reading that file would cost every command a few milliseconds. */
export const VERSION = '0.1.0'
