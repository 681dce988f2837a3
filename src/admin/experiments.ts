// Experiments: made, looked at, led by hand; labels that judges are measured with.
import { createRoute, type z } from '@hono/zod-openapi'
import { hash } from 'node:crypto'
import type { Label } from '../core/experiment.ts'
import type { Experimenting } from '../lab/experiment-view.ts'
import { answerText, promptText } from '../lab/transcript.ts'
import { named } from './change.ts'
import { type AdminApp, GUARDED, jsonAnswer, jsonBody, REFUSALS, type StoreRoutes } from './route.ts'
import { IdParam, listOf, PageQuery } from './schemas.ts'
import {
  AuditLine,
  CommandInput,
  ExperimentChange,
  ExperimentDetail,
  ExperimentInput,
  Idea,
  Labels,
  LabelsInput,
  OpenLabel,
  OpenLabelsQuery,
  renderAudit,
  renderExperiment,
  renderIdea,
  specOf,
} from './schemas-experiments.ts'

export type ExperimentRoutes = Pick<StoreRoutes, 'store' | 'clock'> & { readonly experiments: Experimenting }

const PAIRS_LOOKED_AT = 1_000
const LABELS_COUNTED = 10_000
const PROMPTS_LOOKED_AT = 5_000
const PROMPTS_PAGE = 200
const LOOK_BACK_MS = 14 * 86_400_000
const common = { tags: ['experiments'], security: GUARDED }
const shown = { 200: jsonAnswer(ExperimentDetail, 'The experiment.'), ...REFUSALS }

const ROUTES = {
  create: createRoute({
    ...common,
    method: 'post',
    path: '/admin/experiments',
    operationId: 'createExperiment',
    summary: 'Make an experiment: may a candidate take the place of a route’s baseline',
    request: { body: jsonBody(ExperimentInput) },
    responses: { 201: jsonAnswer(ExperimentDetail, 'The experiment, a draft unless it was to start.'), ...REFUSALS },
  }),
  list: createRoute({
    ...common,
    method: 'get',
    path: '/admin/experiments',
    operationId: 'listExperiments',
    summary: 'All experiments and where they stand',
    responses: { 200: jsonAnswer(listOf(ExperimentDetail), 'Newest first.'), ...REFUSALS },
  }),
  ideas: createRoute({
    ...common,
    method: 'get',
    path: '/admin/experiments/next',
    operationId: 'listExperimentIdeas',
    summary: 'What is worth testing next, by what it may save for what the test costs',
    responses: { 200: jsonAnswer(listOf(Idea), 'Best first.'), ...REFUSALS },
  }),
  get: createRoute({
    ...common,
    method: 'get',
    path: '/admin/experiments/{id}',
    operationId: 'getExperiment',
    summary: 'One experiment, its evidence, its judge and what it waits for',
    request: { params: IdParam },
    responses: shown,
  }),
  change: createRoute({
    ...common,
    method: 'patch',
    path: '/admin/experiments/{id}',
    operationId: 'changeExperiment',
    summary: 'Change what an experiment may cost',
    request: { params: IdParam, body: jsonBody(ExperimentChange) },
    responses: shown,
  }),
  remove: createRoute({
    ...common,
    method: 'delete',
    path: '/admin/experiments/{id}',
    operationId: 'deleteExperiment',
    summary: 'Forget an experiment that does not run, with its audit',
    request: { params: IdParam },
    responses: { 204: { description: 'It is gone.' }, ...REFUSALS },
  }),
  audit: createRoute({
    ...common,
    method: 'get',
    path: '/admin/experiments/{id}/audit',
    operationId: 'listExperimentTransitions',
    summary: 'Every transition of an experiment with the numbers that caused it',
    request: { params: IdParam, query: PageQuery },
    responses: { 200: jsonAnswer(listOf(AuditLine), 'Oldest first.'), ...REFUSALS },
  }),
  label: createRoute({
    ...common,
    method: 'post',
    path: '/admin/labels',
    operationId: 'addLabels',
    summary: 'Say of answers whether they are good: judges are measured with them',
    request: { body: jsonBody(LabelsInput) },
    responses: { 200: jsonAnswer(Labels, 'How many there are now.'), ...REFUSALS },
  }),
  open: createRoute({
    ...common,
    method: 'get',
    path: '/admin/labels/open',
    operationId: 'listOpenLabels',
    summary: 'Kept answers that nobody has labelled; not for viewers',
    request: { query: OpenLabelsQuery },
    responses: { 200: jsonAnswer(listOf(OpenLabel), 'The newest first.'), ...REFUSALS },
  }),
  labels: createRoute({
    ...common,
    method: 'get',
    path: '/admin/labels',
    operationId: 'countLabels',
    summary: 'How many labelled answers there are',
    responses: { 200: jsonAnswer(Labels, 'Good ones and bad ones.'), ...REFUSALS },
  }),
}

const COMMANDS = {
  start: 'Start it, go on after a pause, or start again a day after a rollback',
  pause: 'Stop all that it does; the baseline answers everybody',
  promote: 'Go on to the next stage, whatever the evidence',
  rollback: 'Back to the baseline at once, for a day at least',
} as const

export function addExperimentRoutes(app: AdminApp, { store, clock, experiments }: ExperimentRoutes): void {
  app.openapi(ROUTES.create, async (context) => {
    const input = context.req.valid('json')
    const made = await experiments.create(specOf(input))
    const { id } = made.experiment
    return context.json(renderExperiment(input.start ? await experiments.command(id, 'start', BY_HAND) : made), 201)
  })
  app.openapi(ROUTES.list, (context) =>
    context.json({ data: experiments.list().map((view) => renderExperiment(view)), next: null }, 200),
  )
  app.openapi(ROUTES.ideas, async (context) =>
    context.json({ data: (await experiments.ideas()).map(renderIdea), next: null }, 200),
  )
  app.openapi(ROUTES.get, async (context) => {
    const { id } = context.req.valid('param')
    const view = experiments.get(id)
    return context.json(renderExperiment(view, await store.listPairs(id, { limit: PAIRS_LOOKED_AT })), 200)
  })
  app.openapi(ROUTES.change, async (context) => {
    const { shadow_rate: shadowShare, max_usd: maxNanoUsd, share_of_spend: shareOfSpend } = context.req.valid('json')
    const { id } = context.req.valid('param')
    return context.json(
      renderExperiment(await experiments.change(id, named({ shadowShare, maxNanoUsd, shareOfSpend }))),
      200,
    )
  })
  app.openapi(ROUTES.remove, async (context) => {
    await experiments.remove(context.req.valid('param').id)
    return context.body(null, 204)
  })
  app.openapi(ROUTES.audit, async (context) => {
    const { id } = context.req.valid('param')
    const { cursor, limit } = context.req.valid('query')
    experiments.get(id)
    const page = await store.listAudit(id, { cursor: cursor ?? null, limit })
    return context.json({ data: page.data.map(renderAudit), next: page.next }, 200)
  })
  app.openapi(ROUTES.label, async (context) => {
    const { labels } = context.req.valid('json')
    await experiments.label(labels.map((given) => labelOf(given, clock.now())))
    return context.json(await counted(), 200)
  })
  app.openapi(ROUTES.open, async (context) => {
    const { route, limit } = context.req.valid('query')
    const labelled = new Set((await store.listLabels({ limit: LABELS_COUNTED })).map(({ id }) => id))
    const data = (await keptAnswers(route)).filter((one) => !labelled.has(labelId(one))).slice(0, limit)
    return context.json({ data, next: null }, 200)
  })
  app.openapi(ROUTES.labels, async (context) => context.json(await counted(), 200))
  let command: keyof typeof COMMANDS
  for (command in COMMANDS) addCommand(command)

  function addCommand(name: keyof typeof COMMANDS): void {
    const route = createRoute({
      ...common,
      method: 'post',
      path: `/admin/experiments/{id}/${name}`,
      operationId: `${name}Experiment`,
      summary: COMMANDS[name],
      request: { params: IdParam, body: jsonBody(CommandInput) },
      responses: shown,
    })
    app.openapi(route, async (context) => {
      const { id } = context.req.valid('param')
      const { why } = context.req.valid('json')
      return context.json(renderExperiment(await experiments.command(id, name, why ?? BY_HAND)), 200)
    })
  }

  async function keptAnswers(route: string | undefined): Promise<z.output<typeof OpenLabel>[]> {
    const to = clock.now()
    const found: z.output<typeof OpenLabel>[] = []
    let cursor: string | null = null
    for (let scanned = 0; scanned < PROMPTS_LOOKED_AT; scanned += PROMPTS_PAGE) {
      const query = { cursor, limit: PROMPTS_PAGE, from: to - LOOK_BACK_MS, to, ...named({ route }) }
      const page: Awaited<ReturnType<typeof store.scanPrompts>> = await store.scanPrompts(query)
      for (const { content } of page.data)
        if (content !== null && content.answer !== null)
          found.push({ prompt: promptText(content.request), answer: answerText(content.answer) })
      cursor = page.next
      if (cursor === null) break
    }
    return found.toReversed()
  }

  async function counted(): Promise<z.output<typeof Labels>> {
    const labels = await store.listLabels({ limit: LABELS_COUNTED })
    const good = labels.filter(({ isGood }) => isGood).length
    return { good, bad: labels.length - good }
  }
}

const BY_HAND = 'by hand'

/** The same answer to the same prompt is one label. */
function labelOf({ prompt, answer, good }: z.output<typeof LabelsInput>['labels'][number], at: number): Label {
  return { id: labelId({ prompt, answer }), at, prompt, answer, isGood: good }
}

function labelId({ prompt, answer }: z.output<typeof OpenLabel>): string {
  return hash('sha256', JSON.stringify([prompt, answer]), 'hex')
}
