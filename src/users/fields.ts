// What somebody sent, read strictly: the first field that is wrong is named.
import type { z } from 'zod'
import { GatewayError } from '../core/error.ts'

/** Throws `request_malformed`. */
export function readFields<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  const path = issue?.code === 'unrecognized_keys' ? [...issue.path, issue.keys[0] ?? ''] : (issue?.path ?? [])
  const param = path.length === 0 ? 'body' : path.map(String).join('.')
  const problem = issue?.code === 'unrecognized_keys' ? 'there is no such field' : (issue?.message ?? 'it is wrong')
  throw new GatewayError('request_malformed', {
    message: `\`${param.slice(0, 100)}\`: ${problem}.`,
    param: param.slice(0, 100),
  })
}
