// Quality: what is believed of each deployment by task, with what it rests on.
import { createRoute, z } from '@hono/zod-openapi'
import type { PromptMode } from '../core/kept-prompt.ts'
import { UNRESTRICTED_KEY } from '../core/key.ts'
import { PRIVACY, promptModeOf } from '../lab/privacy.ts'
import type { KeyStore, KeyWithTeam } from '../store/store.ts'
import type { ShownDrift } from '../lab/drift-watch.ts'
import type { ShownGolden } from '../lab/golden.ts'
import type { ShownScore } from '../lab/score-view.ts'
import { type ScopeChain, scopeChainOf } from '../lab/scoreboard.ts'
import { TASKS } from '../lab/task.ts'
import { malformed, notFound } from './errors.ts'
import { time } from './render.ts'
import { type AdminApp, GUARDED, jsonAnswer, REFUSALS, type StoreRoutes } from './route.ts'

export type QualityRoutes = {
  readonly quality: {
    /** `all`: also what rests on priors alone, of the targets of all routes. */
    scores(chain: ScopeChain, all: boolean): readonly ShownScore[]
    /** What is kept of prompts, where keys say nothing else. */
    prompts(): { readonly mode: PromptMode; readonly kept: number; readonly lost: number }
    drift(): { readonly signals: readonly ShownDrift[]; readonly golden: readonly ShownGolden[] }
    counts(): { readonly seen: number; readonly waiting: number; readonly dropped: Readonly<Record<string, number>> }
  }
}

const DAY_MS = 86_400_000
const share = z.number().openapi({ description: '0 to 1.' })

const Score = z
  .object({
    deployment: z.string(),
    task: z.string(),
    mean: share,
    low: share.openapi({ description: 'Lower end of the 90 % interval.' }),
    high: share,
    observations: z.number().openapi({ description: 'Pieces of evidence ever counted in this scope.' }),
    effective: z.number().openapi({ description: 'What they weigh now: evidence halves in 21 days.' }),
    prior_share: share.openapi({
      description: 'How much of the belief rests on the wider scope, or on published benchmarks.',
    }),
    sources: z.record(z.string(), z.number()).openapi({ description: 'Share of each kind of evidence.' }),
  })
  .openapi('QualityScore')
const Scores = z
  .object({
    scope: z.string(),
    data: z.array(Score),
    prompts: z.object({
      mode: z.string(),
      keeps: z.string(),
      cannot: z.array(z.string()).openapi({ description: 'What is not possible with what is kept.' }),
      kept: z.number(),
      lost: z.number(),
    }),
    looked_at: z.object({ seen: z.number(), waiting: z.number(), dropped: z.record(z.string(), z.number()) }),
  })
  .openapi('Quality')
const Day = z
  .object({
    at: z.string(),
    deployment: z.string(),
    task: z.string(),
    kind: z.string(),
    pieces: z.number(),
    weight: z.number(),
    mean: share.nullable(),
  })
  .openapi('QualityDay')
const Tally = z.object({ passed: z.number(), asked: z.number() })
const Drift = z
  .object({
    signals: z.array(
      z.object({
        deployment: z.string(),
        task: z.string(),
        signal: z.string(),
        learned: z.number().openapi({ description: 'Answers that what is usual was learned from; 500 are needed.' }),
        usual: z
          .number()
          .openapi({ description: 'A share; of `length` the mean of ln(characters), of `judge` the mean verdict.' }),
        watched: z.number(),
        alarm: share.openapi({ description: 'How near an alarm is.' }),
      }),
    ),
    golden: z.array(z.object({ deployment: z.string(), task: z.string(), at: z.string(), last: Tally, usual: Tally })),
  })
  .openapi('QualityDrift')
const common = { tags: ['quality'], security: GUARDED, method: 'get' as const }

const ROUTES = {
  scores: createRoute({
    ...common,
    path: '/admin/quality',
    operationId: 'getQuality',
    summary: 'Quality scores, each with its interval, the evidence behind it and where that came from',
    request: {
      query: z.strictObject({
        scope: z.string().optional().openapi({
          description:
            '`gateway` (default), `team:<id>` or `key:<id>`: whose evidence. A wider scope is the prior of a narrower one.',
        }),
        deployment: z.string().optional(),
        task: z.enum(TASKS).optional(),
        all: z.enum(['true', 'false']).optional().openapi({ description: 'Also what rests on priors alone.' }),
      }),
    },
    responses: { 200: jsonAnswer(Scores, 'By task, best first.'), ...REFUSALS },
  }),
  drift: createRoute({
    ...common,
    path: '/admin/quality/drift',
    operationId: 'getQualityDrift',
    summary:
      'What is usual of each deployment’s answers, how far it has left that, and how golden prompts were answered',
    responses: { 200: jsonAnswer(Drift, 'By deployment and task.'), ...REFUSALS },
  }),
  days: createRoute({
    ...common,
    path: '/admin/quality/days',
    operationId: 'getQualityDays',
    summary: 'Evidence by day, deployment, task and kind',
    request: {
      query: z.strictObject({
        from: z.iso.datetime({ offset: true }).optional().openapi({ description: 'Default: 30 days ago.' }),
        deployment: z.string().optional(),
      }),
    },
    responses: { 200: jsonAnswer(z.object({ data: z.array(Day) }), 'By day.'), ...REFUSALS },
  }),
}

export function addQualityRoutes(
  app: AdminApp,
  { quality, store, clock }: QualityRoutes & Pick<StoreRoutes, 'store' | 'clock'>,
): void {
  app.openapi(ROUTES.scores, async (context) => {
    const { scope = 'gateway', deployment, task, all } = context.req.valid('query')
    const { chain, caller } = await scopeOf(scope, store)
    const shown = quality
      .scores(chain, all === 'true')
      .filter(
        (one) =>
          (deployment === undefined || one.deployment === deployment) && (task === undefined || one.task === task),
      )
    const { seen, waiting, dropped } = quality.counts()
    const { mode: usual, kept, lost } = quality.prompts()
    const mode = promptModeOf(caller, usual)
    const { kept: keeps, cannot } = PRIVACY[mode]
    const data = shown.map(({ priorShare, sources, ...score }) => ({
      ...score,
      prior_share: priorShare,
      sources: { ...sources },
    }))
    const prompts = { mode, keeps, cannot: [...cannot], kept, lost }
    return context.json({ scope, data, prompts, looked_at: { seen, waiting, dropped: { ...dropped } } }, 200)
  })
  app.openapi(ROUTES.drift, (context) => {
    const { signals, golden } = quality.drift()
    return context.json(
      { signals: [...signals], golden: golden.map(({ at, ...one }) => ({ ...one, at: time(at) })) },
      200,
    )
  })
  app.openapi(ROUTES.days, async (context) => {
    const { from, deployment } = context.req.valid('query')
    const days = await store.evidenceDays({
      from: from === undefined ? clock.now() - 30 * DAY_MS : Date.parse(from),
      ...(deployment === undefined ? {} : { deployment }),
    })
    const data = days.map(({ at, good, ...day }) => ({
      ...day,
      at: time(at),
      mean: day.weight > 0 ? good / day.weight : null,
    }))
    return context.json({ data }, 200)
  })
}

type Scope = { readonly chain: ScopeChain; readonly caller: KeyWithTeam }

async function scopeOf(scope: string, store: Pick<KeyStore, 'getKey' | 'getTeam'>): Promise<Scope> {
  const anybody = { key: UNRESTRICTED_KEY, team: null }
  if (scope === 'gateway') return { chain: ['gateway'], caller: anybody }
  const [kind, id = ''] = scope.split(/:(.*)/s)
  switch (kind) {
    case 'team': {
      const team = await store.getTeam(id)
      if (team === null) throw notFound('team', id)
      return { chain: ['gateway', scope], caller: { ...anybody, team } }
    }
    case 'key': {
      const key = await store.getKey(id)
      if (key === null) throw notFound('key', id)
      const team = key.teamId === null ? null : await store.getTeam(key.teamId)
      return { chain: scopeChainOf(key.id, key.teamId), caller: { key, team } }
    }
    default:
      throw malformed('scope', '`scope` must be `gateway`, `team:<id>` or `key:<id>`.')
  }
}
