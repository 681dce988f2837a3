// `weir replay`: what another policy would have made of the requests of the log.
import { formatProblem } from '../config/problem.ts'
import type { Outcomes } from '../replay/outcomes.ts'
import type { PolicyFigures, ReplayReport } from '../replay/replay.ts'
import { checkConfig } from './check.ts'
import { type Command, CONFIG_OPTION, DATA_OPTION, EXIT, UsageError } from './command.ts'
import { type Column, printable, table, writeCount, writeJson } from './format.ts'
import { withLocal } from './local.ts'
import { readInteger, readMoment } from './read.ts'

const WEEK_MS = 7 * 86_400_000
const USUAL_LIMIT = 20_000
const MOST_SHOWN = 15

export const replayCommand: Command = {
  name: 'replay',
  summary: 'Show what another policy would have made of the requests of the log: cost, quality, who moved and why',
  details:
    'Plans each logged chat again by another config file, with its targets, terms and prices, and with what is believed of quality now. Nothing is sent and nothing is changed. What it cannot know it says.',
  options: {
    policy: {
      type: 'string',
      valueHint: 'file',
      description: 'Config file with the other policy. Default: the config itself, by what is believed now',
    },
    since: { type: 'string', valueHint: 'when', description: 'From then on: 7d, or a date. Default: 7d' },
    to: { type: 'string', valueHint: 'when', description: 'End of the time, not in it. Default: now' },
    limit: {
      type: 'string',
      valueHint: 'number',
      description: `Most requests that are read, the newest first. Default: ${USUAL_LIMIT}`,
    },
    ...CONFIG_OPTION,
    ...DATA_OPTION,
  },
  examples: [
    { command: 'weir replay --policy new.yaml --since 7d', what: 'what the new file would have changed in a week' },
    { command: 'weir replay --since 2026-11-01 --json', what: 'what is believed now, over a month, for a script' },
  ],
  run: async (args, context) => {
    const now = context.clock.now()
    const to = readMoment(args, 'to', now, 'past') ?? now + 1
    const from = readMoment(args, 'since', now, 'past') ?? to - WEEK_MS
    if (from >= to) throw new UsageError('The time is empty: its start is not before its end.')
    const limit = readInteger(args, 'limit', 1, 1_000_000) ?? USUAL_LIMIT
    const checked = await checkConfig(args, context, args.text('policy'))
    if (!checked.ok) {
      for (const problem of checked.problems) context.stderr(`${printable(formatProblem(problem))}\n`)
      return EXIT.failed
    }
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const report = await context.outside.replay(checked.config, context.environment, store, { from, to, limit })
      context.stdout(args.flag('json') ? writeJson(report) : written(report, context.colour))
      return EXIT.ok
    })
  },
}

const left = (title: string): Column => ({ title, align: 'left' })
const right = (title: string): Column => ({ title, align: 'right' })

function written(report: ReplayReport, colour: boolean): string {
  const { requests, from, to, left_out: leftOut, logged, replayed, saved_usd: saved, saved_share: share } = report
  const parts = [`${writeCount(requests)} requests from ${from} to ${to}.\n`]
  for (const { requests: count, why } of leftOut)
    parts.push(`Left out: ${writeCount(count)}, which ${printable(why)}.\n`)
  if (requests > 0)
    parts.push(
      '\n',
      table(
        [left(''), right('cost $'), right('expected quality'), left('who answers')],
        [figuresRow('as it was', logged), figuresRow('replayed', replayed)],
        colour,
      ),
      `\nSaved: $${saved}${share === null ? '' : ` (${percent(share)})`}.\n`,
      ...moves(report, colour),
      outcomesText('Quality by what was said of answers', report.quality_outcomes, ''),
      outcomesText('Cost of a request by what was paid', report.cost_outcomes, '$'),
    )
  parts.push('\nWhat this cannot know:\n', ...report.unknown.map((sentence) => `- ${printable(sentence)}\n`))
  return parts.join('')
}

function figuresRow(name: string, { cost_usd: cost, quality, targets }: PolicyFigures): readonly string[] {
  const { mean, low, high } = quality
  const shares = targets.slice(0, 4).map(({ target, share }) => `${printable(target)} ${percent(share)}`)
  const more = targets.length > 4 ? ` and ${targets.length - 4} others` : ''
  return [name, cost, `${mean.toFixed(3)} (${low.toFixed(3)}–${high.toFixed(3)})`, `${shares.join(', ')}${more}`]
}

function moves({ moves: all }: ReplayReport, colour: boolean): readonly string[] {
  if (all.length === 0) return ['\nNobody would have moved.\n']
  return [
    '\n',
    table(
      [left('from'), left('to'), right('requests'), right('cost $'), right('quality'), left('why')],
      all
        .slice(0, MOST_SHOWN)
        .map(({ from, to, requests, cost_change_usd: cost, quality_change: quality, why }) => [
          printable(from),
          printable(to),
          String(requests),
          cost,
          quality.toFixed(3),
          printable(why),
        ]),
      colour,
    ),
  ]
}

function outcomesText(title: string, outcomes: Outcomes | null, unit: string): string {
  if (outcomes === null) return ''
  const { requests, effective_requests: effective, logged_mean: mean, snips, doubly_robust: robust } = outcomes
  const shown = ({ value, low, high }: Outcomes['ips']): string =>
    `${unit}${value.toPrecision(4)} (${low.toPrecision(4)} to ${high.toPrecision(4)})`
  return (
    `\n${title}, 95 %: as it was ${unit}${mean.toPrecision(4)}; replayed, self-normalised ${snips === null ? 'unknown' : shown(snips)}, ` +
    `doubly robust ${shown(robust)}; ${requests} requests, worth ${effective}.\n`
  )
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}
