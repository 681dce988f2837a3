// Kept responses as OpenAI's API shows them: retrieve, delete, cancel, input items.
import { GatewayError } from '../core/error.ts'
import type { StoredResponse } from '../core/formats/responses-history.ts'
import { fullInput } from '../core/formats/responses-history.ts'
import type { JsonObject, JsonValue } from '../core/json.ts'
import { stringOf } from '../core/json-read.ts'

/** The error for a response that is not there, has expired, or belongs to somebody else: the three look the same. */
export function responseNotFound(id: string, param?: string): GatewayError {
  return new GatewayError('not_found', {
    message: `There is no response \`${id.slice(0, 128)}\` here.`,
    ...(param === undefined ? {} : { param }),
  })
}

export function retrievedResponse(stored: StoredResponse): JsonObject {
  return stored.response
}

export function deletedResponse(id: string): JsonObject {
  return { id, object: 'response', deleted: true }
}

/** Only responses made in the background can be cancelled, and none is. */
export function refuseCancel(id: string): never {
  throw new GatewayError('unsupported', {
    message: `The response \`${id.slice(0, 128)}\` was not made in the background, so it cannot be cancelled.`,
  })
}

/** A page of input items. `hasMore`: others follow. */
export function inputItemsPage(items: readonly JsonObject[], hasMore: boolean): JsonObject {
  const idOf = (item: JsonObject | undefined): string => (item === undefined ? '' : (stringOf(item, 'id') ?? ''))
  return { object: 'list', data: items, first_id: idOf(items[0]), last_id: idOf(items.at(-1)), has_more: hasMore }
}

/**
 * The input of a request that goes on from kept responses, whole. Throws `not_found` when the response that it goes on
 * from is not there, `request_malformed` when it refers to items that nobody keeps.
 * @param chain the responses before it, oldest first; empty when there is none
 * @param kept items that the input refers to, by id
 */
export function resolvedInput(
  body: JsonObject,
  chain: readonly StoredResponse[],
  kept: ReadonlyMap<string, JsonObject>,
): readonly JsonObject[] {
  const previous = stringOf(body, 'previous_response_id')
  if (previous !== null && chain.at(-1)?.id !== previous) throw responseNotFound(previous, 'previous_response_id')
  const input: JsonValue | undefined = body['input']
  const { items, missing } = fullInput(chain, input, kept)
  if (missing.length > 0)
    throw new GatewayError('request_malformed', {
      message: `The input refers to items that are not kept here: ${missing
        .slice(0, 5)
        .map((id) => id.slice(0, 128))
        .join(', ')}.`,
      param: 'input',
    })
  return items
}
