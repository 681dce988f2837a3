// Drills: rehearsed outages, and what came of them.
import { createRoute, z } from '@hono/zod-openapi'
import { parseBreaks, parseScope } from '../core/drill.ts'
import type { DrillReport, DrillRound, DrillSpec } from '../core/drill.ts'
import { formatUsd } from '../core/money.ts'
import { malformed, notFound } from './errors.ts'
import { time } from './render.ts'
import { type AdminApp, GUARDED, jsonAnswer, jsonBody, REFUSALS, type StoreRoutes } from './route.ts'

export type Drilling = {
  readonly startDrill: (spec: DrillSpec) => Promise<DrillReport>
  /** False: none runs. */
  readonly stopDrill: () => boolean
}

const LONGEST_MS = 24 * 3_600_000
const DEFAULT_MS = 30_000
const LISTED = 50

const Input = z
  .strictObject({
    routes: z.array(z.string().min(1)).max(1_000).optional().openapi({ description: 'Names of routes. Default: all.' }),
    break: z.array(z.string().min(1)).max(100).optional().openapi({
      description:
        'What is broken, e.g. `openai=429:30%,slow:5s`. Default: each provider of each route is lost in turn.',
    }),
    on: z.string().optional().openapi({ description: '`synthetic` (default), `shadow:5%`, `canary:1%` or `all`.' }),
    for_ms: z.int().min(1).max(LONGEST_MS).optional().openapi({ description: 'How long. Default: 30 s.' }),
  })
  .openapi('DrillInput')

const Report = z.looseObject({ id: z.string(), state: z.string() }).openapi('Drill')
const common = { tags: ['drills'], security: GUARDED }
const oneId = z.object({ id: z.string() })

const ROUTES = {
  start: createRoute({
    ...common,
    method: 'post',
    path: '/admin/drills',
    operationId: 'startDrill',
    summary: 'Rehearse an outage',
    request: { body: jsonBody(Input) },
    responses: { 201: jsonAnswer(Report, 'It has begun.'), ...REFUSALS },
  }),
  list: createRoute({
    ...common,
    method: 'get',
    path: '/admin/drills',
    operationId: 'listDrills',
    summary: 'The latest drills',
    responses: { 200: jsonAnswer(z.object({ data: z.array(Report), next: z.null() }), 'Newest first.'), ...REFUSALS },
  }),
  show: createRoute({
    ...common,
    method: 'get',
    path: '/admin/drills/{id}',
    operationId: 'getDrill',
    summary: 'One drill and what has come of it so far',
    request: { params: oneId },
    responses: { 200: jsonAnswer(Report, 'The drill.'), ...REFUSALS },
  }),
  stop: createRoute({
    ...common,
    method: 'delete',
    path: '/admin/drills/{id}',
    operationId: 'stopDrill',
    summary: 'Stop a drill that runs; its report stays',
    request: { params: oneId },
    responses: { 200: jsonAnswer(Report, 'The drill.'), ...REFUSALS },
  }),
}

export function addDrillRoutes(
  app: AdminApp,
  { store, startDrill, stopDrill }: Pick<StoreRoutes, 'store'> & Drilling,
): void {
  app.openapi(ROUTES.start, async (context) =>
    context.json(reportJson(await startDrill(specOf(context.req.valid('json')))), 201),
  )
  app.openapi(ROUTES.list, async (context) =>
    context.json({ data: (await store.listDrills({ limit: LISTED })).map(reportJson), next: null }, 200),
  )
  app.openapi(ROUTES.show, async (context) => context.json(reportJson(await found(context.req.valid('param').id)), 200))
  app.openapi(ROUTES.stop, async (context) => {
    const report = await found(context.req.valid('param').id)
    if (report.state === 'running') stopDrill()
    return context.json(reportJson(report), 200)
  })

  async function found(id: string): Promise<DrillReport> {
    const report = await store.getDrill(id)
    if (report === null) throw notFound('drill', id)
    return report
  }
}

function specOf(input: z.infer<typeof Input>): DrillSpec {
  const on = parseScope(input.on ?? 'synthetic')
  if (on === null)
    throw malformed('on', `\`on\` is synthetic, shadow:5%, canary:1% or all; found ${JSON.stringify(input.on)}.`)
  const breaks = (input.break ?? []).flatMap((text, index) => {
    const parsed = parseBreaks(text)
    if (parsed === null)
      throw malformed(
        `break.${index}`,
        `A break is written like openai=429:30%,slow:5s (a status, slow:<time>, down, stall or cut); found ${JSON.stringify(text)}.`,
      )
    return parsed
  })
  return { routes: input.routes ?? [], breaks, on, forMs: input.for_ms ?? DEFAULT_MS }
}

function reportJson(report: DrillReport) {
  return {
    id: report.id,
    name: report.name,
    state: report.state,
    started_at: time(report.startedAt),
    ended_at: report.endedAt === null ? null : time(report.endedAt),
    on: report.on,
    rounds: report.rounds.map(roundJson),
    errors: report.rounds.reduce((sum, { errors }) => sum + errors, 0),
  }
}

function roundJson(round: DrillRound) {
  return {
    route: round.route,
    broken: round.broken,
    survived: round.survived,
    requests: round.requests,
    errors: round.errors,
    error_codes: round.errorCodes,
    added_ms: round.addedMs,
    p99_ms: round.p99Ms,
    extra_cost_usd: round.extraNanoUsd === null ? null : formatUsd(BigInt(round.extraNanoUsd)),
    targets: round.targets,
  }
}
