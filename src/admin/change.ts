// Requests name what they set; what they leave out must not reach the store as `undefined`.

/** An object's fields that are set. */
export type Named<Fields> = { [Field in keyof Fields]?: Exclude<Fields[Field], undefined> }

/** Leaves out what is `undefined`; null is a value and stays. */
export function named<Fields extends object>(fields: Fields): Named<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Named<Fields>
}
