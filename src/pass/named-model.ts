// What can be told of a pass-through request: the model that it names, its bound on output, whether it asks for a stream.
import type { JsonObject } from '../core/json.ts'
import { isObject } from '../core/json.ts'
import { numberOf, objectOf, stringOf } from '../core/json-read.ts'

export type PassFacts = {
  /** Null where neither body nor path names one. */
  readonly model: string | null
  readonly maxOutputTokens: number | null
  readonly stream: boolean
}

/** Gemini's `/models/{model}:method`, Bedrock's `/model/{model}/method`, Azure's `/deployments/{name}/…`. */
const IN_PATH = [/\/models\/([^/:]+):/, /\/model\/([^/]+)\//, /\/deployments\/([^/]+)\//] as const
const NAME = /^[^\p{Cc}\p{Cs}]{1,512}$/u

/** `body` of null: there is none, or it is no JSON object. */
export function readPassFacts(path: string, body: JsonObject | null): PassFacts {
  const config = body === null ? null : (objectOf(body, 'generationConfig') ?? objectOf(body, 'inferenceConfig'))
  const bound =
    body === null
      ? null
      : (numberOf(body, 'max_completion_tokens') ??
        numberOf(body, 'max_output_tokens') ??
        numberOf(body, 'max_tokens') ??
        (config === null ? null : (numberOf(config, 'maxOutputTokens') ?? numberOf(config, 'maxTokens'))))
  return {
    model: modelIn(path) ?? (body === null ? null : modelOf(body)),
    maxOutputTokens: bound === null || bound < 0 ? null : Math.floor(bound),
    stream: body?.['stream'] === true || /:stream|-stream$/.test(path),
  }
}

/** The path wins: it is what the provider goes by where it names a model. */
function modelIn(path: string): string | null {
  for (const pattern of IN_PATH) {
    const found = pattern.exec(path)?.[1]
    if (found === undefined) continue
    const name = decodeURIComponent(found)
    return NAME.test(name) ? name : null
  }
  return null
}

function modelOf(body: JsonObject): string | null {
  const name = stringOf(body, 'model') ?? (isObject(body['session']) ? stringOf(body['session'], 'model') : null)
  if (name === null || !NAME.test(name)) return null
  return name.startsWith('models/') ? name.slice('models/'.length) : name
}
