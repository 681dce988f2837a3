// Tool call ids in Anthropic's alphabet (letters, digits, `_`, `-`), so that they can be told back.

/** Foreign characters become `_x<code in hex>_`; so does the `_` of an `_x`, or reading back would be a guess. */
export function sanitizeToolId(id: string): string {
  // An empty id is refused; `_x_` is what no other id becomes.
  if (id === '') return '_x_'
  return id.replace(/_(?=x)|[^A-Za-z0-9_-]/g, (found) => `_x${found.charCodeAt(0).toString(16)}_`)
}

/** The id as it was before `sanitizeToolId`. */
export function restoreToolId(id: string): string {
  if (id === '_x_') return ''
  return id.replace(/_x([0-9a-f]+)_/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
}
