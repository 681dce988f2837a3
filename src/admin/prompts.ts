// Prompts and answers that are kept: shown to admins alone, and deleted.
import { createRoute, z } from '@hono/zod-openapi'
import { malformed, notFound } from './errors.ts'
import { time } from './render.ts'
import { type AdminApp, GUARDED, jsonAnswer, REFUSALS, type StoreRoutes } from './route.ts'
import { IdParam } from './schemas.ts'

const Prompt = z
  .object({
    request_id: z.string(),
    at: z.string(),
    key: z.string(),
    team: z.string().nullable(),
    end_user: z.string().nullable(),
    route: z.string(),
    deployment: z.string().nullable(),
    mode: z.enum(['hashed', 'redacted', 'full']),
    prompt_hash: z.string(),
    system_hash: z.string(),
    request: z.looseObject({}).nullable().openapi({
      description: 'In the gateway’s own form, whatever dialect it came in; null where only hashes are kept.',
    }),
    answer: z.looseObject({}).nullable(),
  })
  .openapi('KeptPrompt')
const Deleted = z.object({ deleted: z.number() }).openapi('PromptsDeleted')
const common = { tags: ['prompts'], security: GUARDED }

const ROUTES = {
  show: createRoute({
    ...common,
    method: 'get',
    path: '/admin/requests/{id}/prompt',
    operationId: 'getPrompt',
    summary: 'What was asked and answered, where it is kept; not for viewers',
    request: { params: IdParam },
    responses: { 200: jsonAnswer(Prompt, 'What is kept.'), ...REFUSALS },
  }),
  delete: createRoute({
    ...common,
    method: 'delete',
    path: '/admin/prompts',
    operationId: 'deletePrompts',
    summary: 'Forget what is kept of a key, a team, an end user, or of a time',
    request: {
      query: z.strictObject({
        key: z.string().min(1).optional(),
        team: z.string().min(1).optional(),
        end_user: z.string().min(1).optional(),
        before: z.iso.datetime({ offset: true }).optional(),
      }),
    },
    responses: { 200: jsonAnswer(Deleted, 'How many there were.'), ...REFUSALS },
  }),
}

/** It came out of the store as JSON; its readonly lists are more than the answer's type can say. */
function asJson(value: object): Record<string, never> {
  return value as Record<string, never>
}

export function addPromptRoutes(app: AdminApp, { store }: Pick<StoreRoutes, 'store'>): void {
  app.openapi(ROUTES.show, async (context) => {
    const { id } = context.req.valid('param')
    const kept = await store.getPrompt(id)
    if (kept === null) throw notFound('kept prompt of a request', id)
    const { requestId, at, keyId, teamId, endUser, route, deployment, mode, hashes, content } = kept
    return context.json(
      {
        request_id: requestId,
        at: time(at),
        key: keyId,
        team: teamId,
        end_user: endUser,
        route,
        deployment,
        mode,
        prompt_hash: hashes.prompt,
        system_hash: hashes.system,
        request: content === null ? null : asJson(content.request),
        answer: content?.answer === undefined || content.answer === null ? null : asJson(content.answer),
      },
      200,
    )
  })
  app.openapi(ROUTES.delete, async (context) => {
    const { key, team, end_user: endUser, before } = context.req.valid('query')
    if (key === undefined && team === undefined && endUser === undefined && before === undefined)
      throw malformed('key', 'Say what is to be forgotten: `key`, `team`, `end_user` or `before`.')
    const deleted = await store.deletePrompts({
      ...(key === undefined ? {} : { keyId: key }),
      ...(team === undefined ? {} : { teamId: team }),
      ...(endUser === undefined ? {} : { endUser }),
      ...(before === undefined ? {} : { before: Date.parse(before) }),
    })
    return context.json({ deleted }, 200)
  })
}
