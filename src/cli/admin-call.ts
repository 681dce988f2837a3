// Commands that ask the running gateway: where its admin API is, and how it is called.
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { type Arguments, type CliContext, CliError, type Option } from './command.ts'

export type AdminRequest = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Absolute. */
  readonly url: string
  readonly token: string
  readonly body: JsonObject | null
}

/** `body`: parsed; null where it is no JSON. */
export type AdminReply = { readonly status: number; readonly body: unknown }

export const ADMIN_OPTIONS: Record<'admin-url' | 'token', Option> = {
  'admin-url': {
    type: 'string',
    valueHint: 'url',
    description: 'Where the admin API is. Default: WEIR_ADMIN_URL, else http://127.0.0.1:8788',
  },
  token: { type: 'string', valueHint: 'token', description: 'Admin token. Default: WEIR_ADMIN_TOKEN' },
}

const DEFAULT_URL = 'http://127.0.0.1:8788'

/** The answer of the running gateway; throws CliError with its own words where it refuses. */
export async function askAdmin(
  args: Arguments,
  context: CliContext,
  request: Pick<AdminRequest, 'method'> & { readonly path: string; readonly body?: JsonObject },
): Promise<JsonObject> {
  const { environment, outside } = context
  const token = args.text('token') ?? environment['WEIR_ADMIN_TOKEN'] ?? ''
  if (token === '')
    throw new CliError('The running gateway asks for an admin token.', 'Set WEIR_ADMIN_TOKEN, or give --token.')
  const base = (args.text('admin-url') ?? environment['WEIR_ADMIN_URL'] ?? DEFAULT_URL).replace(/\/+$/, '')
  const url = `${base}${request.path}`
  if (!URL.canParse(url)) throw new CliError(`${base} is no URL.`, 'It is written like http://127.0.0.1:8788.')
  let reply: AdminReply
  try {
    reply = await outside.askAdmin({ method: request.method, url, token, body: request.body ?? null })
  } catch (error) {
    throw new CliError(
      `No gateway answers at ${base}: ${error instanceof Error ? error.message : String(error)}.`,
      'Start it with `weir serve`, or name its admin address with --admin-url.',
    )
  }
  if (reply.status < 300 && isObject(reply.body)) return reply.body
  const problem = isObject(reply.body) && isObject(reply.body['error']) ? reply.body['error'] : {}
  const { message, hint } = problem
  throw new CliError(
    typeof message === 'string' ? message : `The gateway answered ${reply.status}.`,
    typeof hint === 'string' ? hint : null,
  )
}
