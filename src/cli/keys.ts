// `weir keys …`: virtual keys in the store of this machine.
import { renderKey } from '../admin/render.ts'
import { OPTION_NAMES, type VirtualKey } from '../core/key.ts'
import { issueKey, newKeySecret } from '../keys/issue-key.ts'
import { ENDPOINT_FAMILIES } from '../keys/permit.ts'
import type { Store } from '../store/store.ts'
import { type Command, DATA_OPTION, EXIT } from './command.ts'
import { fields, orDash, table, writeJson, writeList, writeTime } from './format.ts'
import { findKey, findTeam, withLocal } from './local.ts'
import { allOf } from '../core/all-pages.ts'
import {
  LIMIT_OPTIONS,
  readDuration,
  readLimits,
  readList,
  readMoment,
  readPairs,
  required,
  writeLimits,
} from './read.ts'

const KEY_OPTION = { key: { type: 'positional', description: 'Id or name of the key' } } as const

const DAY_MS = 86_400_000

const create: Command = {
  name: 'keys create',
  summary: 'Make a virtual key and print its secret, once',
  details: 'A running gateway on this data folder takes the key at once.',
  options: {
    name: { type: 'string', valueHint: 'text', description: 'Name of the key (needed)' },
    team: { type: 'string', valueHint: 'team', description: 'Id or name of the team it belongs to' },
    models: { type: 'string', valueHint: 'globs', description: 'Models it may use, e.g. openai/*,chat. Default: all' },
    endpoints: {
      type: 'string',
      valueHint: 'list',
      description: `Endpoints it may use: ${ENDPOINT_FAMILIES.join(', ')}. Default: all`,
    },
    addresses: {
      type: 'string',
      valueHint: 'blocks',
      description: 'Addresses or CIDR blocks it may be used from. Default: all',
    },
    ...LIMIT_OPTIONS,
    tags: { type: 'string', valueHint: 'list', description: 'Tags that its requests are reported under' },
    forbids: {
      type: 'string',
      valueHint: 'list',
      description: `Options that its requests may not have: ${OPTION_NAMES.join(', ')}`,
    },
    'require-end-user': { type: 'boolean', description: 'Each request must name its end user' },
    metadata: { type: 'string', valueHint: 'pairs', description: 'Notes on the key, e.g. owner=ada' },
    expires: {
      type: 'string',
      valueHint: 'when',
      description: 'When it stops working: 30d, or a date. Default: never',
    },
    ...DATA_OPTION,
  },
  examples: [
    { command: 'weir keys create --name my-app', what: 'a key for everything' },
    {
      command: 'weir keys create --name batch --team research --models "openai/*" --rpm 60 --expires 30d',
      what: 'a narrow one',
    },
  ],
  run: (args, context) => {
    const input = {
      name: required(args, 'name'),
      models: readList(args, 'models'),
      endpoints: readList(args, 'endpoints'),
      addresses: readList(args, 'addresses'),
      limits: readLimits(args),
      tags: readList(args, 'tags') ?? [],
      forbids: readList(args, 'forbids') ?? [],
      requireEndUser: args.flag('require-end-user'),
      metadata: readPairs(args, 'metadata') ?? {},
      expiresAt: readMoment(args, 'expires', context.clock.now(), 'future'),
    }
    return withLocal(args, context, { create: true }, async ({ store, hash }) => {
      const team = args.text('team')
      const teamId = team === null ? null : (await findTeam(store, team)).id
      const { key, secret } = issueKey({ ...input, teamId }, { hash, clock: context.clock })
      await store.insertKey(key)
      if (args.flag('json')) context.stdout(writeJson({ ...renderKey(key), secret }))
      else {
        context.stdout(`${secret}\n`)
        context.stderr(`Key ${key.id} (${key.name}) is made. Its secret is above; it is shown this once.\n`)
      }
      return EXIT.ok
    })
  },
}

async function teamNames(store: Store): Promise<ReadonlyMap<string, string>> {
  return new Map((await allOf((query) => store.listTeams(query))).map((team) => [team.id, team.name]))
}

function stateOf(key: VirtualKey, now: number): string {
  if (key.disabled) return 'disabled'
  if (key.expiresAt !== null && key.expiresAt <= now) return 'expired'
  return 'active'
}

const list: Command = {
  name: 'keys list',
  summary: 'List the virtual keys',
  details: null,
  options: { team: { type: 'string', valueHint: 'team', description: 'Only keys of this team' }, ...DATA_OPTION },
  examples: [{ command: 'weir keys list --team research', what: 'the keys of one team' }],
  run: (args, context) =>
    withLocal(args, context, { create: false }, async ({ store }) => {
      const team = args.text('team')
      const filter = team === null ? {} : { teamId: (await findTeam(store, team)).id }
      const keys = await allOf((query) => store.listKeys({ ...query, ...filter }))
      if (args.flag('json')) {
        context.stdout(writeJson({ data: keys.map(renderKey), next: null }))
        return EXIT.ok
      }
      const names = await teamNames(store)
      const columns = ['id', 'name', 'team', 'secret', 'state', 'models', 'limits', 'made', 'expires']
      context.stdout(
        table(
          columns.map((title) => ({ title, align: 'left' })),
          keys.map((key) => [
            key.id,
            key.name,
            orDash(key.teamId === null ? null : (names.get(key.teamId) ?? key.teamId)),
            `…${key.secrets.find((secret) => secret.expiresAt === null)?.hint ?? ''}`,
            stateOf(key, context.clock.now()),
            writeList(key.models),
            writeLimits(key.limits),
            writeTime(key.createdAt),
            key.expiresAt === null ? 'never' : writeTime(key.expiresAt),
          ]),
          context.colour,
        ),
      )
      return EXIT.ok
    }),
}

const show: Command = {
  name: 'keys show',
  summary: 'Show one virtual key',
  details: null,
  options: { ...KEY_OPTION, ...DATA_OPTION },
  examples: [{ command: 'weir keys show my-app', what: 'by its name' }],
  run: (args, context) => {
    const reference = required(args, 'key', true)
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const key = await findKey(store, reference)
      if (args.flag('json')) {
        context.stdout(writeJson(renderKey(key)))
        return EXIT.ok
      }
      const names = await teamNames(store)
      context.stdout(
        fields([
          ['id', key.id],
          ['name', key.name],
          ['team', orDash(key.teamId === null ? null : (names.get(key.teamId) ?? key.teamId))],
          ['state', stateOf(key, context.clock.now())],
          ['models', writeList(key.models)],
          ['endpoints', writeList(key.endpoints)],
          ['addresses', writeList(key.addresses)],
          ['limits', writeLimits(key.limits)],
          ['tags', orDash(key.tags.join(', '))],
          ['forbids', (key.forbids ?? []).join(', ') || 'nothing'],
          ['end user', key.requireEndUser ? 'required' : 'optional'],
          [
            'metadata',
            orDash(
              Object.entries(key.metadata)
                .map((pair) => pair.join('='))
                .join(', '),
            ),
          ],
          ['made', writeTime(key.createdAt)],
          ['expires', key.expiresAt === null ? 'never' : writeTime(key.expiresAt)],
          ...key.secrets.map(({ hint, expiresAt }): [string, string] => [
            'secret',
            `…${hint}${expiresAt === null ? '' : ` (until ${writeTime(expiresAt)})`}`,
          ]),
        ]),
      )
      return EXIT.ok
    })
  },
}

const rotate: Command = {
  name: 'keys rotate',
  summary: 'Give a virtual key a new secret and print it, once',
  details: 'The old secret works on for the grace period, so that clients can be changed one by one.',
  options: {
    ...KEY_OPTION,
    grace: {
      type: 'string',
      valueHint: 'duration',
      description: 'How long the old secret works on. Default: 1d; 0s ends it now',
    },
    ...DATA_OPTION,
  },
  examples: [{ command: 'weir keys rotate my-app --grace 2h', what: 'two hours to change over' }],
  run: (args, context) => {
    const reference = required(args, 'key', true)
    const graceMs = readDuration(args, 'grace') ?? DAY_MS
    return withLocal(args, context, { create: false }, async ({ store, hash }) => {
      const { id } = await findKey(store, reference)
      const { secret, record } = newKeySecret({ hash })
      const until = context.clock.now() + graceMs
      const key = await store.rotateKey(id, record, until)
      if (key === null) return findKey(store, id).then(() => EXIT.failed)
      if (args.flag('json')) context.stdout(writeJson({ ...renderKey(key), secret }))
      else {
        context.stdout(`${secret}\n`)
        context.stderr(
          `Key ${key.id} (${key.name}) has a new secret, shown this once. The old one ends ${graceMs === 0 ? 'now' : `at ${writeTime(until)}`}.\n`,
        )
      }
      return EXIT.ok
    })
  },
}

const revoke: Command = {
  name: 'keys revoke',
  summary: 'End a virtual key, at once and for good',
  details: 'What it spent stays in the ledger under its id. To end it for a while only, use --disable.',
  options: {
    ...KEY_OPTION,
    disable: {
      type: 'boolean',
      description: 'Keep the key and only disable it; `PATCH /admin/keys/{id}` enables it again',
    },
    ...DATA_OPTION,
  },
  examples: [{ command: 'weir keys revoke my-app', what: 'the next request with it is a 401' }],
  run: (args, context) => {
    const reference = required(args, 'key', true)
    const disable = args.flag('disable')
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const key = await findKey(store, reference)
      await (disable ? store.updateKey(key.id, { disabled: true }) : store.deleteKey(key.id))
      const done = disable ? 'disabled' : 'revoked'
      context.stdout(
        args.flag('json') ? writeJson({ id: key.id, state: done }) : `Key ${key.id} (${key.name}) is ${done}.\n`,
      )
      return EXIT.ok
    })
  },
}

export const KEY_COMMANDS: readonly Command[] = [create, list, show, rotate, revoke]
