// `weir ledger …`, `weir backup`, `weir restore`: keeping the books of this machine.
import { closeSync, existsSync, fsyncSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { formatProblem } from '../config/problem.ts'
import type { NanoUsd } from '../core/money.ts'
import { DATABASE_FILE, LOCK_FILE, SECRET_FILE } from '../data.ts'
import { entryJson, EXPORT_FORMATS, exportHeader, exportLines } from '../ledger/export.ts'
import type { Price } from '../ledger/price-source.ts'
import { rerate } from '../ledger/rerate.ts'
import { storedLayers } from '../price-feeds.ts'
import { restoreSqlite } from '../store/sqlite-restore.ts'
import type { Adjustment, BookStore, EntryFilter, Store } from '../store/store.ts'
import { checkConfig } from './check.ts'
import {
  type Arguments,
  type CliContext,
  CliError,
  type Command,
  CONFIG_OPTION,
  DATA_OPTION,
  EXIT,
  UsageError,
} from './command.ts'
import { fields, writeCount, writeDollars, writeJson, writeTime } from './format.ts'
import { dataFolder, findKey, findTeam, withLocal } from './local.ts'
import { readChoice, readMoment, required } from './read.ts'

const RANGE_OPTIONS = {
  from: { type: 'string', valueHint: 'when', description: 'Start of the range: 30d (ago), a date or a time (needed)' },
  to: { type: 'string', valueHint: 'when', description: 'End of the range, not in it. Default: now' },
  provider: { type: 'string', valueHint: 'name', description: 'Only entries of this provider' },
  model: { type: 'string', valueHint: 'id', description: 'Only entries of this model' },
  key: { type: 'string', valueHint: 'key', description: 'Only entries of this key, by id or name' },
  team: { type: 'string', valueHint: 'team', description: 'Only entries of this team, by id or name' },
} as const
const PAGE = 1_000

async function readFilter(args: Arguments, context: CliContext, store: Store): Promise<EntryFilter> {
  const now = context.clock.now()
  const from = readMoment(args, 'from', now, 'past')
  if (from === null) throw new UsageError('--from is missing.')
  const to = readMoment(args, 'to', now, 'past') ?? now + 1
  if (from >= to) throw new UsageError('The range is empty: its start is not before its end.')
  const [provider, model, key, team] = [args.text('provider'), args.text('model'), args.text('key'), args.text('team')]
  return {
    from,
    to,
    ...(provider === null ? {} : { provider }),
    ...(model === null ? {} : { model }),
    ...(key === null ? {} : { keyId: (await findKey(store, key)).id }),
    ...(team === null ? {} : { teamId: (await findTeam(store, team)).id }),
  }
}

async function* scan(store: BookStore, filter: EntryFilter) {
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<BookStore['scanEntries']>> = await store.scanEntries({
      ...filter,
      cursor,
      limit: PAGE,
    })
    yield page.data
    cursor = page.next
  } while (cursor !== null)
}

const verify: Command = {
  name: 'ledger verify',
  summary: 'Compute every roll-up and budget again from the entries, and name any difference',
  details: 'Exits with 1 when there is one. The gateway may run meanwhile.',
  options: DATA_OPTION,
  examples: [{ command: 'weir ledger verify --json', what: 'for a nightly job' }],
  run: (args, context) =>
    withLocal(args, context, { create: false }, async ({ store }) => {
      const check = await store.verifyBooks()
      if (args.flag('json'))
        context.stdout(
          writeJson({
            ok: check.differences === 0,
            entries: check.entries,
            archived_entries: check.archivedEntries,
            rollups: check.rows,
            budget_periods: check.periods,
            differences: check.differences,
            examples: check.examples,
          }),
        )
      else {
        for (const example of check.examples) context.stdout(`${example}\n`)
        context.stdout(
          fields([
            ['entries', writeCount(check.entries)],
            ['archived', writeCount(check.archivedEntries)],
            ['roll-ups', writeCount(check.rows)],
            ['budget periods', writeCount(check.periods)],
            ['differences', writeCount(check.differences)],
          ]),
        )
      }
      return check.differences === 0 ? EXIT.ok : EXIT.failed
    }),
}

const exportCommand: Command = {
  name: 'ledger export',
  summary: 'Write entries to standard output',
  details:
    'One line for each entry, corrections too, and in tables one more for each other target that its attempts cost something at. FOCUS is version 1.2 of the FinOps specification, as CSV.',
  options: {
    format: { type: 'string', valueHint: 'format', description: `${EXPORT_FORMATS.join(', ')}. Default: csv` },
    ...RANGE_OPTIONS,
    ...DATA_OPTION,
  },
  examples: [
    {
      command: 'weir ledger export --from 2026-11-01 --to 2026-12-01 --format focus',
      what: 'a month for a FinOps tool',
    },
  ],
  run: (args, context) => {
    const format = args.flag('json') ? 'jsonl' : (readChoice(args, 'format', EXPORT_FORMATS) ?? 'csv')
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const header = exportHeader(format)
      if (header !== null) context.stdout(header)
      for await (const page of scan(store, await readFilter(args, context, store)))
        context.stdout(page.map(({ entry }) => exportLines(format, entry)).join(''))
      return EXIT.ok
    })
  },
}

type Tally = {
  looked: number
  changed: number
  before: NanoUsd
  after: NanoUsd
  readonly skipped: Record<'no price' | 'no log line' | 'no usage', number>
}

const rerateCommand: Command = {
  name: 'ledger rerate',
  summary: 'Price entries again, after a price was corrected',
  details:
    'Writes a correcting entry for each that differs, and edits none; roll-ups and budgets follow. What attempts elsewhere cost stays as it was booked; entries of before that was kept need their line in the request log. A running gateway takes the corrections over within a second.',
  options: {
    ...RANGE_OPTIONS,
    'dry-run': { type: 'boolean', description: 'Only tell what would change' },
    ...CONFIG_OPTION,
    ...DATA_OPTION,
  },
  examples: [
    {
      command: 'weir ledger rerate --from 7d --model gpt-5-mini --dry-run',
      what: 'what a new price makes of the last week',
    },
  ],
  run: async (args, context) => {
    const priceOf = await pricesNow(args, context)
    const isDry = args.flag('dry-run')
    const now = context.clock.now()
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const tally: Tally = {
        looked: 0,
        changed: 0,
        before: 0n,
        after: 0n,
        skipped: { 'no price': 0, 'no log line': 0, 'no usage': 0 },
      }
      for await (const page of scan(store, await readFilter(args, context, store))) {
        const adjustments: Adjustment[] = []
        for (const booked of page) {
          tally.looked++
          const result = rerate(booked, priceOf, now)
          if (result.type === 'skipped') tally.skipped[result.why]++
          if (result.type !== 'changed') continue
          tally.changed++
          tally.before += result.before
          tally.after += result.after
          adjustments.push(result.adjustment)
        }
        if (!isDry && adjustments.length > 0) await store.adjust(adjustments)
      }
      reportRerate(tally, isDry, args, context)
      return EXIT.ok
    })
  },
}

async function pricesNow(
  args: Arguments,
  context: CliContext,
): Promise<(deploymentId: string, at: number) => Price | null> {
  const checked = await checkConfig(args, context)
  if (!checked.ok) throw new CliError(checked.problems.map(formatProblem).join('\n'), '`weir check` shows the same.')
  const { config } = checked
  const layers = await withLocal(args, context, { create: false }, ({ store }) =>
    storedLayers(config.prices.feeds, store),
  )
  const { priceLayers } = context.outside.install(config, context.environment, layers)
  return (deploymentId, at) => priceLayers(deploymentId, at)[0] ?? null
}

function reportRerate(tally: Tally, isDry: boolean, args: Arguments, context: CliContext): void {
  const { looked, changed, before, after, skipped } = tally
  if (args.flag('json'))
    context.stdout(
      writeJson({
        dry_run: isDry,
        entries: looked,
        changed,
        before_nano_usd: before,
        after_nano_usd: after,
        skipped: { no_price: skipped['no price'], no_log_line: skipped['no log line'], no_usage: skipped['no usage'] },
      }),
    )
  else
    context.stdout(
      fields([
        ['entries', writeCount(looked)],
        [isDry ? 'would change' : 'corrected', writeCount(changed)],
        ['they cost', writeDollars(before)],
        ['and cost now', writeDollars(after)],
        ['without a price', writeCount(skipped['no price'])],
        ['without a log line', writeCount(skipped['no log line'])],
      ]),
    )
}

const archive: Command = {
  name: 'ledger archive',
  summary: 'Move old entries into a compressed file; reports and budgets keep their sums',
  details:
    'The file is JSON lines, gzip. Entries whose lines are still in the request log stay. Freed pages are used again; --compact gives them back to the disk, which needs the gateway stopped and as much room again.',
  options: {
    before: {
      type: 'string',
      valueHint: 'when',
      description: 'Entries of the days before this one: 400d (ago), or a date (needed)',
    },
    to: { type: 'string', valueHint: 'file', description: 'File to make (needed)' },
    compact: { type: 'boolean', description: 'Give the freed pages back to the disk' },
    ...DATA_OPTION,
  },
  examples: [
    { command: 'weir ledger archive --before 400d --to archive/2025.jsonl.gz', what: 'keeps a bit more than a year' },
  ],
  run: (args, context) => {
    const file = required(args, 'to')
    const moment = readMoment(args, 'before', context.clock.now(), 'past')
    if (moment === null) throw new UsageError('--before is missing.')
    const before = Math.floor(moment / DAY_MS) * DAY_MS
    if (existsSync(file)) throw new CliError(`The file ${file} is there already.`, 'An archive is never written over.')
    mustHaveFolder(file)
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const logged = await store.listRequests({ cursor: null, limit: 1, to: before })
      if (logged.data.length > 0)
        throw new CliError(
          `The request log still has lines of before ${writeTime(before)}, which need their entries.`,
          'Choose an earlier day, or lower `request_log.retention`.',
        )
      const moved = await moveEntries(store, { before, file, now: context.clock.now() })
      if (args.flag('compact')) await store.compact()
      if (args.flag('json')) context.stdout(writeJson({ before: new Date(before).toISOString(), file, entries: moved }))
      else context.stdout(`${writeCount(moved)} entries of before ${writeTime(before)} are in ${file}.\n`)
      return EXIT.ok
    })
  },
}

const DAY_MS = 86_400_000

/** Each group is a gzip member of its own, on the disk before its entries leave the store; members follow each other in one file. */
async function moveEntries(
  store: BookStore,
  { before, file, now }: { readonly before: number; readonly file: string; readonly now: number },
): Promise<number> {
  const descriptor = openSync(file, 'wx', 0o600)
  let moved = 0
  try {
    for (;;) {
      const count = await store.archiveEntries({
        before,
        limit: PAGE,
        file: path.resolve(file),
        now,
        keep(entries) {
          writeSync(descriptor, gzipSync(entries.map((entry) => `${JSON.stringify(entryJson(entry))}\n`).join('')))
          fsyncSync(descriptor)
        },
      })
      if (count === 0) return moved
      moved += count
    }
  } finally {
    closeSync(descriptor)
    if (moved === 0) rmSync(file)
  }
}

const backup: Command = {
  name: 'backup',
  summary: 'Copy the store to a file, while the gateway runs',
  details: `A whole copy of one moment, without free pages. The secret (${SECRET_FILE}) is not in it: keep that apart, and with it.`,
  options: { to: { type: 'string', valueHint: 'file', description: 'File to make (needed)' }, ...DATA_OPTION },
  examples: [{ command: 'weir backup --to backups/weir.db', what: 'a copy of the books of now' }],
  run: (args, context) => {
    const file = required(args, 'to')
    mustHaveFolder(file)
    return withLocal(args, context, { create: false }, async ({ store }) => {
      await store.backup(path.resolve(file))
      const bytes = statSync(file).size
      if (args.flag('json')) context.stdout(writeJson({ file, bytes }))
      else context.stdout(`The copy is ${file} (${writeCount(bytes)} bytes).\n`)
      return EXIT.ok
    })
  },
}

function mustHaveFolder(file: string): void {
  const folder = path.dirname(path.resolve(file))
  if (!existsSync(folder)) throw new CliError(`There is no folder ${folder}.`, 'Make it first.')
}

const restore: Command = {
  name: 'restore',
  summary: 'Put a copy of the store in its place, with the gateway stopped',
  details: 'The copy is checked first. The store that was there is kept beside it, as weir.db.before-restore.',
  options: { from: { type: 'string', valueHint: 'file', description: 'The copy (needed)' }, ...DATA_OPTION },
  examples: [{ command: 'weir restore --from backups/weir.db', what: 'after the store was lost' }],
  run: async (args, context) => {
    const file = required(args, 'from')
    if (!existsSync(file)) throw new CliError(`There is no file ${file}.`, null)
    const folder = dataFolder(args, context)
    const target = path.join(folder, DATABASE_FILE)
    restoreSqlite({ copy: path.resolve(file), target, lock: path.join(folder, LOCK_FILE) })
    if (args.flag('json')) context.stdout(writeJson({ restored: target }))
    else context.stdout(`${target} is the copy now.\n`)
    return EXIT.ok
  },
}

export const BOOK_COMMANDS: readonly Command[] = [verify, exportCommand, rerateCommand, archive, backup, restore]
