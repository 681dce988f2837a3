// What a replay cannot know, said in sentences beside its figures.
import { scopeChainOf } from '../lab/scoreboard.ts'
import type { Log } from './logged.ts'
import type { Row } from './rows.ts'
import type { ReplayWorld } from './world.ts'

/** Below this many the estimates of outcomes say next to nothing. */
const FEWEST_EFFECTIVE = 30
const MOST_NAMED = 8

export function unknowns(log: Log, rows: readonly Row[], world: ReplayWorld): string[] {
  const said: string[] = []
  const say = (isTrue: boolean, sentence: string): void => void (isTrue && said.push(sentence))
  say(log.isCut, 'There are more requests in this time than were read; the newest were.')
  const untold = rows.filter(({ request }) => request.shares === null).length
  say(
    untold > 0,
    `The task of ${untold} of ${rows.length} requests is not on record: no evidence was taken, quality was not asked for, and their prompts are hashed or not kept. They count as the usual mix of tasks.`,
  )
  const unseen = named(targetsOf(rows).filter((target) => !isSeen(target, rows, world)))
  say(unseen !== '', `No answer of ${unseen} has been judged yet: what is expected of it is a prior.`)
  const unmeasured = named(targetsOf(rows).filter((target) => !world.meanOutputs.has(target)))
  say(
    unmeasured !== '',
    `How long answers of ${unmeasured} are is not known from this log: they count as long as those that were given.`,
  )
  const graded = rows.filter(({ request: { verdict, propensity } }) => verdict !== null && propensity !== null)
  say(
    graded.length === 0,
    'Nobody said anything of any answer that could speak for it: outcomes tell nothing about quality.',
  )
  const matched = graded.filter(({ request, choices }) => choices.some(({ target }) => target === request.target))
  say(
    graded.length > 0 && matched.length < FEWEST_EFFECTIVE,
    `Only ${matched.length} of ${graded.length} graded answers come from who would answer under the policy, too: the estimates from outcomes are wide. Exploration (\`quality.explore\`) makes them narrower.`,
  )
  const unlikely = rows.filter(({ request: { propensity } }) => propensity === null).length
  say(
    unlikely > 0,
    `${unlikely} requests were answered after another target had failed; they do not count in the outcomes.`,
  )
  said.push(
    'Headers, tools, pictures and schemas of the requests are not on record: conditions on them, and abilities beyond the length of the prompt, are not checked.',
    'Cooldowns, rate limits, budgets and conversations that stay where their prompt is cached are not replayed.',
  )
  return said
}

function targetsOf(rows: readonly Row[]): readonly string[] {
  return [...new Set(rows.flatMap(({ choices }) => choices.map(({ target }) => target)))]
}

function isSeen(target: string, rows: readonly Row[], { scoreboard, now }: ReplayWorld): boolean {
  const keys = new Map(rows.map(({ request }) => [request.key.id, request.key.teamId]))
  return Array.from(keys).some(([key, team]) =>
    scoreboard.scores(scopeChainOf(key, team), target, now).some(({ observations }) => observations > 0),
  )
}

function named(targets: readonly string[]): string {
  const more = targets.length - MOST_NAMED
  return `${targets.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${more} others` : ''}`
}
