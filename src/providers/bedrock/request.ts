// Where a call to Bedrock goes, whom its signature is for, and what the provider's settings add to it.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
import type { JsonObject } from '../../core/json.ts'
import type { Deployment, Provider } from '../../core/model.ts'

/** `converse`: one format for all models. `invoke`: each maker's own; here only Anthropic's. */
export type BedrockApi = 'converse' | 'invoke'

const PATHS: { readonly [api in BedrockApi]: readonly [whole: string, stream: string] } = {
  converse: ['converse', 'converse-stream'],
  invoke: ['invoke', 'invoke-with-response-stream'],
}

/** Absolute URL of a chat call. A model id may be the ARN of an inference profile: its `/` and `:` are part of the name. */
export function bedrockUrl({ provider, model }: Deployment, api: BedrockApi, stream: boolean): string {
  return `${provider.baseUrl}/model/${encodeURIComponent(model)}/${PATHS[api][stream ? 1 : 0]}`
}

/** The name under which AWS knows the API, in signatures. */
export const BEDROCK_SIGNING_NAME = 'bedrock'

/** The region that a call is signed for: the setting, or the one in the address; null when neither tells. */
export function bedrockRegion({ baseUrl, settings }: Provider): string | null {
  return /\/\/bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\./.exec(baseUrl)?.[1] ?? settings['region'] ?? null
}

/** Headers of each call, beside those that authenticate it. */
export function bedrockHeaders(provider: Provider, api: BedrockApi, stream: boolean): Readonly<Record<string, string>> {
  const { guardrail, guardrail_version: version } = provider.settings
  return {
    'content-type': 'application/json',
    accept: stream ? 'application/vnd.amazon.eventstream' : 'application/json',
    ...(api === 'invoke' && guardrail !== undefined
      ? {
          'x-amzn-bedrock-guardrailidentifier': guardrail,
          'x-amzn-bedrock-guardrailversion': version ?? 'DRAFT',
        }
      : {}),
  }
}

/** The body of a Converse call with the guardrail of the provider's settings (`guardrail`, `guardrail_version`), if it has one. */
export function withGuardrail(body: JsonObject, { settings }: Provider): JsonObject {
  const { guardrail, guardrail_version: version } = settings
  if (guardrail === undefined) return body
  return { ...body, guardrailConfig: { guardrailIdentifier: guardrail, guardrailVersion: version ?? 'DRAFT' } }
}
