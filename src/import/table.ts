// Looking up what strangers write in tables of ours: `constructor` is no row of any of them.

export function rowOf<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}
