// `weir users …`: people who pay for what their keys ask, in the store of this machine. A running gateway takes a change
// within a second.
import { renderCredit, renderGroup } from '../admin/schemas-users.ts'
import { DEFAULT_CONFIG } from '../config/schema.ts'
import { randomId } from '../core/id.ts'
import { formatUsd, parseUsd } from '../core/money.ts'
import type { User } from '../core/user.ts'
import type { OpenedData } from '../data.ts'
import { accountsOf, type UserAccount } from '../users/accounts.ts'
import { newCode } from '../users/codes.ts'
import { creditUser, findUser } from '../users/credits.ts'
import { parseMultiplier, writeMultiplier } from '../users/multiplier.ts'
import { createPasswords } from '../users/passwords.ts'
import { makeUser } from '../users/register.ts'
import { type CliContext, type Command, CliError, DATA_OPTION, EXIT, UsageError } from './command.ts'
import { table, writeDollars, writeJson, writeList, writeTime } from './format.ts'
import { withLocal } from './local.ts'
import { allOf } from '../core/all-pages.ts'
import { readList, required } from './read.ts'
import { USER_CODE_COMMANDS } from './user-codes.ts'

const USER_OPTION = { user: { type: 'positional', description: 'Id or login of the user' } } as const
const GROUP_OPTION = { type: 'string', valueHint: 'name', description: 'Group of the user' } as const
const NOBODY: UserAccount = { creditedNanoUsd: 0n, chargedNanoUsd: 0n }

/** What the functions of users need, without a running gateway to tell. */
function toolsOf({ store, hash }: OpenedData, { clock }: CliContext) {
  return {
    store,
    hash,
    now: () => clock.now(),
    passwords: createPasswords(),
    settings: () => DEFAULT_CONFIG.users,
    credited: async () => {},
  }
}

function userJson(user: User, { creditedNanoUsd, chargedNanoUsd }: UserAccount): object {
  return {
    id: user.id,
    login: user.login,
    group: user.group,
    disabled: user.disabled,
    created_at: new Date(user.createdAt).toISOString(),
    invited_by: user.invitedBy,
    balance_usd: formatUsd(creditedNanoUsd - chargedNanoUsd),
    credited_usd: formatUsd(creditedNanoUsd),
    charged_usd: formatUsd(chargedNanoUsd),
  }
}

const create: Command = {
  name: 'users create',
  summary: 'Make a user and print a password, once',
  details: 'The user pays for what keys of theirs ask: `weir users credit` puts money on the balance.',
  options: {
    login: { type: 'string', valueHint: 'login', description: 'E-mail address or name (needed)' },
    group: { ...GROUP_OPTION, description: 'Group of the user. Default: default' },
    ...DATA_OPTION,
  },
  examples: [{ command: 'weir users create --login ada@example.com', what: 'in the default group' }],
  run: (args, context) => {
    const login = required(args, 'login')
    return withLocal(args, context, { create: true }, async (data) => {
      // As good as a code that nobody guesses, and as easy to type.
      const password = newCode()
      const user = await makeUser({ login, password, group: args.text('group') }, toolsOf(data, context))
      if (args.flag('json')) context.stdout(writeJson({ ...userJson(user, NOBODY), password }))
      else {
        context.stdout(`${password}\n`)
        context.stderr(`User ${user.id} (${user.login}) is made. The password is above; it is shown this once.\n`)
      }
      return EXIT.ok
    })
  },
}

const list: Command = {
  name: 'users list',
  summary: 'List the users with their balances',
  details: null,
  options: { group: { ...GROUP_OPTION, description: 'Only users of this group' }, ...DATA_OPTION },
  examples: [{ command: 'weir users list --group retail', what: 'one group' }],
  run: (args, context) =>
    withLocal(args, context, { create: false }, async ({ store }) => {
      const group = args.text('group')
      const users = await allOf((query) => store.listUsers({ ...query, ...(group === null ? {} : { group }) }))
      const accounts = await accountsOf(store)
      if (args.flag('json')) {
        context.stdout(
          writeJson({ data: users.map((user) => userJson(user, accounts.get(user.id) ?? NOBODY)), next: null }),
        )
        return EXIT.ok
      }
      const rows = users.map((user) => {
        const { creditedNanoUsd, chargedNanoUsd } = accounts.get(user.id) ?? NOBODY
        return [
          user.id,
          user.login,
          user.group,
          user.disabled ? 'disabled' : 'active',
          writeDollars(creditedNanoUsd - chargedNanoUsd),
          writeDollars(creditedNanoUsd),
          writeDollars(chargedNanoUsd),
          writeTime(user.createdAt),
        ]
      })
      const columns = ['id', 'login', 'group', 'state', 'balance', 'credited', 'charged', 'made']
      const amounts = new Set(['balance', 'credited', 'charged'])
      context.stdout(
        table(
          columns.map((title) => ({ title, align: amounts.has(title) ? 'right' : 'left' })),
          rows,
          context.colour,
        ),
      )
      return EXIT.ok
    }),
}

const change: Command = {
  name: 'users change',
  summary: 'Move a user to another group, switch the user off or on, or set a new password',
  details: 'Who is switched off is logged out, and keys of theirs are refused. A new password is printed, once.',
  options: {
    ...USER_OPTION,
    group: { ...GROUP_OPTION, description: 'Another group: later requests are charged at its price' },
    disable: { type: 'boolean', description: 'Switch the user off' },
    enable: { type: 'boolean', description: 'Switch the user on again' },
    'new-password': { type: 'boolean', description: 'Set a password and end all log-ins' },
    ...DATA_OPTION,
  },
  examples: [
    { command: 'weir users change ada@example.com --group retail', what: 'another price' },
    { command: 'weir users change ada@example.com --new-password', what: 'for who has forgotten it' },
  ],
  run: (args, context) => {
    const reference = required(args, 'user', true)
    const group = args.text('group')
    if (args.flag('disable') && args.flag('enable')) throw new UsageError('Give --disable or --enable, not both.')
    if (group === null && !['disable', 'enable', 'new-password'].some((name) => args.flag(name)))
      throw new UsageError('Say what to change: --group, --disable, --enable or --new-password.')
    return withLocal(args, context, { create: false }, async (data) => {
      const { store } = data
      const known = await findUser(reference, store)
      if (group !== null && (await store.listGroups()).every(({ name }) => name !== group))
        throw new CliError(`There is no group \`${group}\`.`, '`weir users groups` lists them.')
      const disabled = args.flag('disable') || (known.disabled && !args.flag('enable'))
      const user = (await store.updateUser(known.id, { disabled, ...(group === null ? {} : { group }) })) ?? known
      const password = args.flag('new-password') ? newCode() : null
      if (password !== null) await store.setPasswordHash(user.id, await createPasswords().hash(password))
      const account = (await accountsOf(store)).get(user.id) ?? NOBODY
      if (args.flag('json'))
        context.stdout(writeJson({ ...userJson(user, account), ...(password === null ? {} : { password }) }))
      else {
        if (password !== null) context.stdout(`${password}\n`)
        context.stderr(`User ${user.login} is ${user.disabled ? 'disabled' : 'active'}, in the group ${user.group}.\n`)
      }
      return EXIT.ok
    })
  },
}

const credit: Command = {
  name: 'users credit',
  summary: 'Put money on the balance of a user, or take it back',
  details: 'Of one reference there is one credit, however often the command is given with it.',
  options: {
    ...USER_OPTION,
    amount: { type: 'string', valueHint: 'usd', description: 'Dollars; below zero takes money back (needed)' },
    note: { type: 'string', valueHint: 'text', description: 'What it is for; the user sees it' },
    reference: {
      type: 'string',
      valueHint: 'text',
      description: 'Number of an invoice or a payment. Default: a new one',
    },
    ...DATA_OPTION,
  },
  examples: [
    { command: 'weir users credit ada@example.com --amount 20 --note "bank transfer"', what: 'twenty dollars' },
    { command: 'weir users credit ada@example.com --amount=-5', what: 'five dollars back' },
  ],
  run: (args, context) => {
    const reference = required(args, 'user', true)
    const written = required(args, 'amount')
    const amountNanoUsd = parseUsd(written, 9)
    if (amountNanoUsd === null)
      throw new UsageError(`--amount takes dollars such as 20 or -0.5; found ${JSON.stringify(written)}.`)
    return withLocal(args, context, { create: false }, async (data) => {
      const user = await findUser(reference, data.store)
      const input = {
        kind: 'correction',
        amountNanoUsd,
        reference: args.text('reference') ?? randomId('hand'),
        note: args.text('note') ?? '',
      } as const
      const { credit: written, isNew } = await creditUser(user, input, toolsOf(data, context))
      const { creditedNanoUsd, chargedNanoUsd } = (await accountsOf(data.store)).get(user.id) ?? NOBODY
      const balanceNanoUsd = creditedNanoUsd - chargedNanoUsd
      context.stdout(
        args.flag('json')
          ? writeJson({ ...renderCredit(written), is_new: isNew, balance_usd: formatUsd(balanceNanoUsd) })
          : `${isNew ? 'Credited' : 'Was credited already'}: ${writeDollars(written.amountNanoUsd)}. The balance of ${user.login} is ${writeDollars(balanceNanoUsd)}.\n`,
      )
      return EXIT.ok
    })
  },
}

const groups: Command = {
  name: 'users groups',
  summary: 'List the groups of users with what they are charged',
  details: null,
  options: DATA_OPTION,
  examples: [{ command: 'weir users groups', what: 'one line for each' }],
  run: (args, context) =>
    withLocal(args, context, { create: false }, async ({ store }) => {
      const all = await store.listGroups()
      if (args.flag('json')) context.stdout(writeJson({ data: all.map(renderGroup), next: null }))
      else
        context.stdout(
          table(
            ['name', 'multiplier', 'models'].map((title) => ({
              title,
              align: title === 'multiplier' ? 'right' : 'left',
            })),
            all.map(({ name, multiplierMillionths, models }) => [
              name,
              writeMultiplier(multiplierMillionths),
              writeList(models),
            ]),
            context.colour,
          ),
        )
      return EXIT.ok
    }),
}

const group: Command = {
  name: 'users group',
  summary: 'Make a group of users, or change what it is charged',
  details: 'Requests in flight keep the old price.',
  options: {
    name: { type: 'positional', description: 'Name of the group' },
    multiplier: { type: 'string', valueHint: 'number', description: 'What is charged for a cost of 1, e.g. 1.25' },
    models: { type: 'string', valueHint: 'globs', description: 'Models that its users may use, or `all`' },
    ...DATA_OPTION,
  },
  examples: [{ command: 'weir users group retail --multiplier 1.25', what: 'a quarter more than it costs' }],
  run: (args, context) => {
    const name = required(args, 'name', true)
    if (!/^[a-z0-9][a-z0-9._-]{0,63}$/i.test(name))
      throw new UsageError('The name of a group is made of letters, digits, dots, dashes and underscores.')
    const written = args.text('multiplier')
    const multiplierMillionths = written === null ? null : parseMultiplier(written)
    if (written !== null && multiplierMillionths === null)
      throw new UsageError(`--multiplier takes a number from 0 to 1000 such as 1.25; found ${JSON.stringify(written)}.`)
    const globs = args.text('models') === 'all' ? null : readList(args, 'models')
    return withLocal(args, context, { create: true }, async ({ store }) => {
      const patch = {
        ...(multiplierMillionths === null ? {} : { multiplierMillionths }),
        ...(args.text('models') === null ? {} : { models: globs }),
      }
      let known = await store.updateGroup(name, patch)
      if (known === null) {
        if (multiplierMillionths === null) throw new UsageError(`The group ${name} is new: --multiplier is missing.`)
        known = { name, multiplierMillionths, models: globs, createdAt: context.clock.now() }
        await store.insertGroup(known)
      }
      context.stdout(
        args.flag('json')
          ? writeJson(renderGroup(known))
          : `The group ${name} is charged ${writeMultiplier(known.multiplierMillionths)} times the cost; models: ${writeList(known.models)}.\n`,
      )
      return EXIT.ok
    })
  },
}

export const USER_COMMANDS: readonly Command[] = [create, list, change, credit, groups, group, ...USER_CODE_COMMANDS]
