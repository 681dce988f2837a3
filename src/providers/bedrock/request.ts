// Where a call to Bedrock goes, and what the provider's settings add to it.
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html
import type { JsonObject } from '../../core/json.ts'
import type { Deployment, Provider } from '../../core/model.ts'
import type { ChatAdditions } from '../wire.ts'

/** `converse`: one format for all models. `invoke`: each maker's own; here only Anthropic's. */
type BedrockApi = 'converse' | 'invoke'

const PATHS: { readonly [api in BedrockApi]: readonly [whole: string, stream: string] } = {
  converse: ['converse', 'converse-stream'],
  invoke: ['invoke', 'invoke-with-response-stream'],
}

/** Absolute URL of a chat call. A model id may be the ARN of an inference profile: its `/` and `:` are part of the name. */
export function bedrockUrl({ provider, model }: Deployment, api: BedrockApi, stream: boolean): string {
  return `${provider.baseUrl}/model/${encodeURIComponent(model)}/${PATHS[api][stream ? 1 : 0]}`
}

/** The guardrail of the provider's settings (`guardrail`, `guardrail_version`), where it has one: in the body of Converse … */
export function withGuardrail(body: JsonObject, { settings }: Provider): ChatAdditions {
  const { guardrail, guardrail_version: version } = settings
  if (guardrail === undefined) return { body, headers: {} }
  const guardrailConfig = { guardrailIdentifier: guardrail, guardrailVersion: version ?? 'DRAFT' }
  return { body: { ...body, guardrailConfig }, headers: {} }
}

/** … and in the headers of InvokeModel. */
export function withGuardrailHeaders(body: JsonObject, { settings }: Provider): ChatAdditions {
  const { guardrail, guardrail_version: version } = settings
  if (guardrail === undefined) return { body, headers: {} }
  return {
    body,
    headers: {
      'x-amzn-bedrock-guardrailidentifier': guardrail,
      'x-amzn-bedrock-guardrailversion': version ?? 'DRAFT',
    },
  }
}
