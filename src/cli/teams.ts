// `weir teams …`, `weir admin token`: the other things that the store of this machine knows of who may do what.
import { renderTeam, renderToken } from '../admin/render.ts'
import { randomId } from '../core/id.ts'
import type { Team } from '../core/key.ts'
import { issueAdminToken } from '../keys/issue-key.ts'
import { type Command, DATA_OPTION, EXIT } from './command.ts'
import { orDash, table, writeJson, writeList, writeTime } from './format.ts'
import { withLocal } from './local.ts'
import { allOf } from '../core/all-pages.ts'
import { LIMIT_OPTIONS, readChoice, readLimits, readList, readPairs, required, writeLimits } from './read.ts'

const create: Command = {
  name: 'teams create',
  summary: 'Make a team',
  details: 'The limits of a team hold for all its keys together.',
  options: {
    name: { type: 'string', valueHint: 'text', description: 'Name of the team (needed)' },
    organisation: { type: 'string', valueHint: 'text', description: 'Name of the organisation that it belongs to' },
    models: { type: 'string', valueHint: 'globs', description: 'Models its keys may use. Default: all' },
    ...LIMIT_OPTIONS,
    tags: { type: 'string', valueHint: 'list', description: 'Tags that its requests are reported under' },
    metadata: { type: 'string', valueHint: 'pairs', description: 'Notes on the team, e.g. owner=ada' },
    ...DATA_OPTION,
  },
  examples: [{ command: 'weir teams create --name research --rpm 600', what: 'with a limit over all its keys' }],
  run: (args, context) => {
    const team: Team = {
      id: randomId('team'),
      name: required(args, 'name'),
      organisation: args.text('organisation'),
      limits: readLimits(args),
      models: readList(args, 'models'),
      tags: readList(args, 'tags') ?? [],
      metadata: readPairs(args, 'metadata') ?? {},
      disabled: false,
      createdAt: context.clock.now(),
    }
    return withLocal(args, context, { create: true }, async ({ store }) => {
      await store.insertTeam(team)
      context.stdout(args.flag('json') ? writeJson(renderTeam(team)) : `Team ${team.id} (${team.name}) is made.\n`)
      return EXIT.ok
    })
  },
}

const list: Command = {
  name: 'teams list',
  summary: 'List the teams',
  details: null,
  options: DATA_OPTION,
  examples: [{ command: 'weir teams list --json', what: 'for a script' }],
  run: (args, context) =>
    withLocal(args, context, { create: false }, async ({ store }) => {
      const teams = await allOf((query) => store.listTeams(query))
      if (args.flag('json')) {
        context.stdout(writeJson({ data: teams.map(renderTeam), next: null }))
        return EXIT.ok
      }
      const columns = ['id', 'name', 'state', 'models', 'limits', 'tags', 'made']
      context.stdout(
        table(
          columns.map((title) => ({ title, align: 'left' })),
          teams.map((team) => [
            team.id,
            team.name,
            team.disabled ? 'disabled' : 'active',
            writeList(team.models),
            writeLimits(team.limits),
            orDash(team.tags.join(', ')),
            writeTime(team.createdAt),
          ]),
          context.colour,
        ),
      )
      return EXIT.ok
    }),
}

const adminToken: Command = {
  name: 'admin token',
  summary: 'Make a token for the admin API and print it, once',
  details: 'Those that exist go on working; `DELETE /admin/tokens/{id}` ends one.',
  options: {
    role: {
      type: 'string',
      valueHint: 'role',
      description: '`admin` may change things, `viewer` may only read. Default: admin',
    },
    name: { type: 'string', valueHint: 'text', description: 'Who it is for. Default: cli' },
    ...DATA_OPTION,
  },
  examples: [{ command: 'weir admin token --role viewer --name grafana', what: 'one that may only read' }],
  run: (args, context) => {
    const input = { name: args.text('name') ?? 'cli', role: readChoice(args, 'role', ['admin', 'viewer']) ?? 'admin' }
    return withLocal(args, context, { create: true }, async ({ store, hash }) => {
      const { token, secret } = issueAdminToken(input, { hash, clock: context.clock })
      await store.insertAdminToken(token)
      if (args.flag('json')) context.stdout(writeJson({ ...renderToken(token), secret }))
      else {
        context.stdout(`${secret}\n`)
        context.stderr(`Admin token ${token.id} (${token.name}, ${token.role}) is made. It is shown this once.\n`)
      }
      return EXIT.ok
    })
  },
}

export const TEAM_COMMANDS: readonly Command[] = [create, list, adminToken]
