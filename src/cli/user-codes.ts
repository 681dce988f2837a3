// `weir users codes|report`: codes to give away, and what users were charged beside what it cost.
import { renderCredit, renderSalesRow } from '../admin/schemas-users.ts'
import { CODE_KINDS, CREDIT_KINDS } from '../core/user.ts'
import type { SalesDimension } from '../store/store.ts'
import { makeCodes } from '../users/codes.ts'
import { findUser } from '../users/credits.ts'
import { type Command, CliError, DATA_OPTION, EXIT, UsageError } from './command.ts'
import { orDash, table, writeCount, writeDollars, writeJson, writeTime } from './format.ts'
import { withLocal } from './local.ts'
import { parseAmount } from '../config/budget-values.ts'
import { readChoice, readInteger, readList, readMoment } from './read.ts'

const DIMENSIONS: readonly SalesDimension[] = ['user', 'group', 'key', 'route', 'model', 'provider']
const BUCKETS = ['day', 'month'] as const

const codes: Command = {
  name: 'users codes',
  summary: 'Make codes that work once, and print them',
  details: 'A redemption code puts money on a balance; an invitation lets somebody register. They are shown this once.',
  options: {
    kind: { type: 'string', valueHint: 'kind', description: '`redemption` or `invitation`. Default: redemption' },
    count: { type: 'string', valueHint: 'n', description: 'How many, up to 1000. Default: 1' },
    amount: {
      type: 'string',
      valueHint: 'usd',
      description: 'What each is worth; of an invitation what the new balance begins with',
    },
    group: { type: 'string', valueHint: 'name', description: 'Group of who registers with the invitation' },
    expires: {
      type: 'string',
      valueHint: 'when',
      description: 'When they stop working: 30d, or a date. Default: never',
    },
    note: { type: 'string', valueHint: 'text', description: 'What they are for' },
    ...DATA_OPTION,
  },
  examples: [
    {
      command: 'weir users codes --count 100 --amount 5 --expires 90d',
      what: 'a hundred, five dollars each',
    },
    { command: 'weir users codes --kind invitation --group retail', what: 'one invitation' },
  ],
  run: (args, context) => {
    const kind = readChoice(args, 'kind', CODE_KINDS) ?? 'redemption'
    const written = args.text('amount')
    const amountNanoUsd = written === null ? 0n : parseAmount(written)
    if (amountNanoUsd === null)
      throw new UsageError(`--amount takes dollars such as 5 or 0.25; found ${JSON.stringify(written)}.`)
    if (kind === 'redemption' && amountNanoUsd === 0n)
      throw new UsageError('--amount is missing: what is a code worth?')
    const group = args.text('group')
    if (group !== null && kind === 'redemption') throw new UsageError('Only an invitation has a --group.')
    const now = context.clock.now()
    const expiresAt = readMoment(args, 'expires', now, 'future')
    if (expiresAt !== null && expiresAt <= now) throw new UsageError('--expires must be in the future.')
    const count = readInteger(args, 'count', 1, 1000) ?? 1
    return withLocal(args, context, { create: true }, async ({ store, hash }) => {
      if (group !== null && (await store.listGroups()).every(({ name }) => name !== group))
        throw new CliError(`There is no group \`${group}\`.`, '`weir users groups` lists them.')
      const made = makeCodes(
        { kind, count, amountNanoUsd, group, note: args.text('note') ?? '', madeBy: null, expiresAt },
        { hash, now },
      )
      await store.insertCodes(made.map(({ row }) => row))
      context.stdout(
        args.flag('json')
          ? writeJson({ batch: made[0]?.row.batch, codes: made.map(({ code, row }) => ({ id: row.id, code })) })
          : made.map(({ code }) => `${code}\n`).join(''),
      )
      return EXIT.ok
    })
  },
}

const report: Command = {
  name: 'users report',
  summary: 'Show what users were charged, what it cost, and the margin',
  details: 'Times are days in UTC.',
  options: {
    by: {
      type: 'string',
      valueHint: 'list',
      description: `Of ${[...DIMENSIONS, ...BUCKETS].join(', ')}. Default: user`,
    },
    from: { type: 'string', valueHint: 'when', description: 'From when: 30d, or a date. Default: 30d' },
    to: { type: 'string', valueHint: 'when', description: 'Until when. Default: now' },
    ...DATA_OPTION,
  },
  examples: [{ command: 'weir users report --by month,group --from 365d', what: 'the margin of each group by month' }],
  run: (args, context) => {
    const words = readList(args, 'by') ?? ['user']
    const by = DIMENSIONS.filter((dimension) => words.includes(dimension))
    const [bucket = null, ...more] = BUCKETS.filter((name) => words.includes(name))
    const unknown = words.find((word) => ![...DIMENSIONS, ...BUCKETS].some((name) => name === word))
    if (unknown !== undefined)
      throw new UsageError(
        `--by does not know ${JSON.stringify(unknown)}.`,
        `It takes ${[...DIMENSIONS, ...BUCKETS].join(', ')}.`,
      )
    if (more.length > 0) throw new UsageError('--by takes day or month, not both.')
    const now = context.clock.now()
    const to = readMoment(args, 'to', now, 'past') ?? now + 1
    const from = readMoment(args, 'from', now, 'past') ?? to - 30 * 86_400_000
    if (from >= to) throw new UsageError('--from must be before --to.')
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const rows = await store.sales({ by, bucket, from, to })
      if (args.flag('json')) {
        context.stdout(writeJson({ rows: rows.map(renderSalesRow) }))
        return EXIT.ok
      }
      const amounts = ['requests', 'cost', 'charged', 'margin']
      const columns = [...(bucket === null ? [] : [bucket]), ...by, ...amounts]
      context.stdout(
        table(
          columns.map((title) => ({ title, align: amounts.includes(title) ? 'right' : 'left' })),
          rows.map((row) => [
            ...(row.at === null ? [] : [new Date(row.at).toISOString().slice(0, bucket === 'month' ? 7 : 10)]),
            ...by.map((dimension) => orDash(row.group[dimension])),
            writeCount(row.requests),
            writeDollars(row.costNanoUsd),
            writeDollars(row.chargedNanoUsd),
            writeDollars(row.chargedNanoUsd - row.costNanoUsd),
          ]),
          context.colour,
        ),
      )
      return EXIT.ok
    })
  },
}

const credits: Command = {
  name: 'users credits',
  summary: 'List what was put on balances, newest first',
  details: null,
  options: {
    user: { type: 'string', valueHint: 'user', description: 'Id or login of one user. Default: all' },
    kind: { type: 'string', valueHint: 'kind', description: `Only \`${CREDIT_KINDS.join('`, `')}\`` },
    limit: { type: 'string', valueHint: 'n', description: 'How many at most. Default: 50' },
    ...DATA_OPTION,
  },
  examples: [{ command: 'weir users credits --kind topup', what: 'payments, to hold against those of the shop' }],
  run: (args, context) => {
    const reference = args.text('user')
    const kind = readChoice(args, 'kind', CREDIT_KINDS)
    const limit = readInteger(args, 'limit', 1, 100_000) ?? 50
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const userId = reference === null ? null : (await findUser(reference, store)).id
      const { data } = await store.listCredits({
        cursor: null,
        limit,
        ...(userId === null ? {} : { userId }),
        ...(kind === null ? {} : { kind }),
      })
      if (args.flag('json')) {
        context.stdout(writeJson({ data: data.map(renderCredit) }))
        return EXIT.ok
      }
      const columns = ['when', 'user', 'kind', 'amount', 'reference', 'note']
      context.stdout(
        table(
          columns.map((title) => ({ title, align: title === 'amount' ? 'right' : 'left' })),
          data.map((credit) => [
            writeTime(credit.at),
            credit.userId,
            credit.kind,
            writeDollars(credit.amountNanoUsd),
            credit.reference,
            orDash(credit.note),
          ]),
          context.colour,
        ),
      )
      return EXIT.ok
    })
  },
}

export const USER_CODE_COMMANDS: readonly Command[] = [credits, codes, report]
