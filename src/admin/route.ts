// What all routes of the admin API share: their environment, and the parts of their description that repeat.
import { OpenAPIHono, type z } from '@hono/zod-openapi'
import type { Clock } from '../core/clock.ts'
import type { Hasher } from '../keys/secret.ts'
import type { KeyRing } from '../keys/key-ring.ts'
import type { Store } from '../store/store.ts'
import { validationError } from './errors.ts'
import { ErrorBody } from './schemas.ts'

/** `address`: where the caller is, null when that is not known. */
type AdminEnvironment = { Bindings: { readonly address: string | null } }
export type AdminApp = OpenAPIHono<AdminEnvironment>

/** What the routes of things in the store need. */
export type StoreRoutes = {
  readonly store: Store
  /** Forgets what is cached of keys: called after each change of a key or a team. */
  readonly keys: Pick<KeyRing, 'invalidate'>
  readonly hash: Hasher
  readonly clock: Clock
}

export function createAdminApp(): AdminApp {
  return new OpenAPIHono<AdminEnvironment>({
    strict: false,
    defaultHook: (result) => {
      if (!result.success) throw validationError(result.error)
    },
  })
}

export function jsonAnswer<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { 'application/json': { schema } } }
}

export function jsonBody<Schema extends z.ZodType>(schema: Schema) {
  return { required: true, content: { 'application/json': { schema } } }
}

/** The answers that every guarded route may give. */
export const REFUSALS = {
  '4XX': jsonAnswer(ErrorBody, 'The request, the token or its role is at fault.'),
  '5XX': jsonAnswer(ErrorBody, 'The gateway or its store is at fault.'),
}

export const TOKEN_SCHEME = 'adminToken'
/** Guarded by an admin token. */
export const GUARDED = [{ [TOKEN_SCHEME]: [] }]
