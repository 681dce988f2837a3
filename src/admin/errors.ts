// Anything thrown → the error JSON of the admin API.
import type { z } from '@hono/zod-openapi'
import { HTTPException } from 'hono/http-exception'
import { ERRORS, GatewayError } from '../core/error.ts'
import type { ErrorBody } from './schemas.ts'

type Problem = { readonly path: string; readonly text: string }
const PROBLEMS_SHOWN = 5

/** What an error looks like to a caller of this API. */
export function errorBody(error: GatewayError): z.output<typeof ErrorBody> {
  const { param } = error.detail
  return {
    error: {
      code: error.code,
      message: error.message,
      hint: ERRORS[error.code].hint,
      ...(param === undefined ? {} : { param }),
    },
  }
}

/** The whole answer, with `retry-after` and the error's own headers. */
export function errorResponse(error: GatewayError): Response {
  const headers = new Headers({ ...error.detail.headers })
  if (error.detail.retryAfterMs !== undefined)
    headers.set('retry-after', String(Math.ceil(error.detail.retryAfterMs / 1000)))
  if (error.status === 401) headers.set('www-authenticate', 'Bearer')
  return Response.json(errorBody(error), { status: error.status, headers })
}

/** The error that a caller may see; `onInternal` is handed what it may not. */
export function toGatewayError(error: unknown, onInternal: (cause: unknown) => void): GatewayError {
  if (error instanceof GatewayError) return error
  // Thrown by the framework before a handler runs: a body that is no JSON, or says that it is something else.
  if (error instanceof HTTPException && error.status === 415)
    return malformed('content-type', 'The body must be sent as `content-type: application/json`.')
  if (error instanceof HTTPException && error.status === 400) return malformed('body', 'The body is not valid JSON.')
  onInternal(error)
  return new GatewayError('internal')
}

/** Names what a schema refused: the first problem's path is `param`, the message tells up to five. */
export function validationError(error: z.core.$ZodError): GatewayError {
  const problems = error.issues.flatMap(problemsOf)
  const texts = problems.slice(0, PROBLEMS_SHOWN).map(({ path, text }) => `\`${path}\`: ${text}`)
  if (problems.length > PROBLEMS_SHOWN) texts.push(`and ${problems.length - PROBLEMS_SHOWN} more`)
  return malformed(problems[0]?.path ?? 'body', `${texts.join('; ')}.`)
}

/** `request_malformed` about one field. */
export function malformed(param: string, message: string): GatewayError {
  return new GatewayError('request_malformed', { param, message })
}

/** `not_found` for a thing of this API that has an id. */
export function notFound(thing: string, id: string): GatewayError {
  return new GatewayError('not_found', { message: `There is no ${thing} \`${id}\`.` })
}

function problemsOf(issue: z.core.$ZodIssue): readonly Problem[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ path: pathOf([...issue.path, key]), text: 'there is no such field' }))
  return [{ path: pathOf(issue.path), text: issue.message }]
}

function pathOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'body'
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    return text === '' ? String(part) : `${text}.${String(part)}`
  }, '')
}
