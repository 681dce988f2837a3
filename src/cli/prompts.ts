// `weir prompts …`: what is kept of what was asked and answered.
import { ADMIN_OPTIONS, askAdmin } from './admin-call.ts'
import { type Command, EXIT, UsageError } from './command.ts'
import { writeJson } from './format.ts'
import { required } from './read.ts'

const show: Command = {
  name: 'prompts show',
  summary: 'Show what was asked and answered in a request, where it is kept',
  details: null,
  options: {
    request: { type: 'positional', valueHint: 'id', description: 'Id of the request, from `x-weir-request-id`' },
    ...ADMIN_OPTIONS,
  },
  examples: [{ command: 'weir prompts show req_01kbq3c5', what: 'as JSON' }],
  run: async (args, context) => {
    const id = encodeURIComponent(required(args, 'request', true))
    context.stdout(writeJson(await askAdmin(args, context, { method: 'GET', path: `/admin/requests/${id}/prompt` })))
    return EXIT.ok
  },
}

const remove: Command = {
  name: 'prompts delete',
  summary: 'Forget what is kept of a key, a team, an end user, or of a time',
  details: 'What is named together must all be so.',
  options: {
    key: { type: 'string', valueHint: 'id', description: 'Of this key' },
    team: { type: 'string', valueHint: 'id', description: 'Of this team' },
    'end-user': { type: 'string', valueHint: 'id', description: 'Of this end user' },
    before: { type: 'string', valueHint: 'time', description: 'Of the time before, RFC 3339' },
    ...ADMIN_OPTIONS,
  },
  examples: [{ command: 'weir prompts delete --end-user ada', what: 'because she asked for it' }],
  run: async (args, context) => {
    const query = new URLSearchParams()
    for (const [name, option] of [
      ['key', 'key'],
      ['team', 'team'],
      ['end_user', 'end-user'],
      ['before', 'before'],
    ] as const) {
      const value = args.text(option)
      if (value !== null) query.set(name, value)
    }
    if (query.size === 0) throw new UsageError('Say what is to be forgotten: --key, --team, --end-user or --before.')
    const done = await askAdmin(args, context, { method: 'DELETE', path: `/admin/prompts?${query.toString()}` })
    const { deleted } = done
    context.stdout(args.flag('json') ? writeJson(done) : `${typeof deleted === 'number' ? deleted : '-'} forgotten.\n`)
    return EXIT.ok
  },
}

export const PROMPT_COMMANDS: readonly Command[] = [show, remove]
