// Every row of a paged list, for whoever needs all of a short one.

const PAGE = 500

type Page<T> = { readonly data: readonly T[]; readonly next: string | null }

/** @param list gives the page after a cursor; null is before the first */
export async function allOf<T>(
  list: (query: { readonly cursor: string | null; readonly limit: number }) => Promise<Page<T>>,
): Promise<readonly T[]> {
  const rows: T[] = []
  let cursor: string | null = null
  do {
    const page: Page<T> = await list({ cursor, limit: PAGE })
    rows.push(...page.data)
    cursor = page.next
  } while (cursor !== null)
  return rows
}
