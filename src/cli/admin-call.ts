// Commands that ask the running gateway: where its admin API is, and how it is called.
import { readBoundedFile } from '../config/files.ts'
import { loadConfig } from '../config/load.ts'
import { formatProblem } from '../config/problem.ts'
import { parseListen } from '../config/values.ts'
import { isObject } from '../core/json.ts'
import type { JsonObject } from '../core/json.ts'
import { type Arguments, type CliContext, CliError, CONFIG_OPTION, type Option } from './command.ts'

export type AdminRequest = {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Absolute. */
  readonly url: string
  readonly token: string
  readonly body: JsonObject | null
}

/** `body`: parsed; null where it is no JSON. */
export type AdminReply = { readonly status: number; readonly body: unknown }

export const ADMIN_OPTIONS: Record<'admin-url' | 'token' | 'config', Option> = {
  'admin-url': {
    type: 'string',
    valueHint: 'url',
    description:
      'Where the admin API is. Default: WEIR_ADMIN_URL, else where WEIR_ADMIN_LISTEN or the config lets it be',
  },
  token: { type: 'string', valueHint: 'token', description: 'Admin token. Default: WEIR_ADMIN_TOKEN' },
  ...CONFIG_OPTION,
}

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
  const base = (await adminUrl(args, context)).replace(/\/+$/, '')
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

/** What is said of the admin API itself, else where a gateway with this environment and config listens for it. */
async function adminUrl(args: Arguments, context: CliContext): Promise<string> {
  const { environment } = context
  const told = args.text('admin-url') ?? environment['WEIR_ADMIN_URL'] ?? ''
  if (told !== '') return told
  // A file that is being edited need not be valid where the environment says it all.
  const variable = environment['WEIR_ADMIN_LISTEN']?.trim() ?? ''
  const listen = variable === '' ? await configuredListen(args, environment) : variable
  const address = parseListen(listen)
  if (address === null || address.port === 0)
    throw new CliError(
      `The address ${JSON.stringify(listen)} does not tell where the admin API is.`,
      'Name it with --admin-url or WEIR_ADMIN_URL.',
    )
  return `http://${reachable(address.host)}:${address.port}`
}

async function configuredListen(args: Arguments, environment: CliContext['environment']): Promise<string> {
  const named = args.text('config') ?? environment['WEIR_CONFIG'] ?? ''
  const loaded = await loadConfig({ path: named === '' ? null : named, readFile: readBoundedFile, environment })
  if (loaded.ok) return loaded.config.server.adminListen
  const [problem] = loaded.problems
  throw new CliError(
    `The config does not tell where the admin API is${problem === undefined ? '' : `: ${formatProblem(problem)}`}.`,
    'Name it with --admin-url or WEIR_ADMIN_URL.',
  )
}

/** Where to call what listens there: "everywhere" is no address to call. */
function reachable(host: string): string {
  if (host === '' || host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
