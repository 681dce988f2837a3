// Strangers' words in one line.

// oxlint-disable-next-line no-control-regex -- what ends a line, or moves a cursor, is what is looked for
const BREAKS = /[\u0000-\u001f\u007f\u2028\u2029]+/g

/** The text with a space for each run of control characters and line ends, and none around it. */
export function plainLine(text: string): string {
  return text.replaceAll(BREAKS, ' ').trim()
}
