// Whom LiteLLM means by the part of a model before its slash, and which preset of ours calls the same API.

import { rowOf } from './table.ts'

/** How the connection of an entry is read, where it is more than an address and a key. */
type HostForm =
  | 'plain'
  /** Deployments below a resource's address, with a version in the query. */
  | 'deployments'
  /** Keys of AWS, and a region. */
  | 'signed'
  /** A project, a region, and the file of a service account. */
  | 'project'

type Host = {
  readonly preset: string
  readonly form?: HostForm
  /** What LiteLLM's address has at its end and ours has not. */
  readonly cut?: RegExp
  /** What ours has at its end and LiteLLM's has not. */
  readonly append?: string
  /** At an address that does not begin so, it is somebody else who speaks the same format. */
  readonly elsewhere?: { readonly own: RegExp; readonly preset: string }
  /** The server has no address of its own: an entry without `api_base` is incomplete. */
  readonly needsBase?: true
  /** Another preset for some of its models. */
  readonly variants?: readonly { readonly models: RegExp; readonly preset: string; readonly cut: RegExp }[]
}

const COMPATIBLE: Host = { preset: 'openai-compatible', needsBase: true }
/** `openai/` is also how LiteLLM names every server that speaks OpenAI's format. */
const OPENAI: Host = {
  preset: 'openai',
  elsewhere: { own: /^https:\/\/(?:[a-z]+\.)?api\.openai\.com(?:\/|$)/, preset: COMPATIBLE.preset },
}
const ANTHROPIC_CUT = /\/v1(?:\/messages)?$/
const NOTHING = /^$/

const LITELLM_HOSTS: Readonly<Record<string, Host>> = {
  openai: OPENAI,
  'text-completion-openai': OPENAI,
  anthropic: { preset: 'anthropic', cut: ANTHROPIC_CUT },
  azure: { preset: 'azure-deployments', form: 'deployments' },
  azure_text: { preset: 'azure-deployments', form: 'deployments' },
  bedrock: {
    preset: 'bedrock',
    form: 'signed',
    variants: [
      { models: /^invoke\/.*anthropic\./, preset: 'bedrock-anthropic', cut: /^invoke\// },
      {
        models: /^(?:converse|converse_like|invoke)\//,
        preset: 'bedrock',
        cut: /^(?:converse|converse_like|invoke)\//,
      },
    ],
  },
  bedrock_converse: { preset: 'bedrock', form: 'signed' },
  vertex_ai: {
    preset: 'vertex',
    form: 'project',
    variants: [{ models: /^claude/, preset: 'vertex-anthropic', cut: NOTHING }],
  },
  gemini: { preset: 'gemini' },
  groq: { preset: 'groq' },
  mistral: { preset: 'mistral' },
  codestral: { preset: 'codestral' },
  cohere: { preset: 'cohere', cut: /\/v[12](?:\/\w+)?$/ },
  cohere_chat: { preset: 'cohere', cut: /\/v[12](?:\/\w+)?$/ },
  deepseek: { preset: 'deepseek' },
  xai: { preset: 'xai' },
  perplexity: { preset: 'perplexity' },
  ai21: { preset: 'ai21' },
  ai21_chat: { preset: 'ai21' },
  together_ai: { preset: 'together' },
  fireworks_ai: { preset: 'fireworks' },
  openrouter: { preset: 'openrouter' },
  cerebras: { preset: 'cerebras' },
  nvidia_nim: { preset: 'nvidia' },
  sambanova: { preset: 'sambanova' },
  nebius: { preset: 'nebius' },
  novita: { preset: 'novita' },
  deepinfra: { preset: 'deepinfra' },
  hyperbolic: { preset: 'hyperbolic' },
  lambda_ai: { preset: 'lambda' },
  featherless_ai: { preset: 'featherless' },
  friendliai: { preset: 'friendli' },
  nscale: { preset: 'nscale' },
  wandb: { preset: 'wandb' },
  baseten: { preset: 'baseten' },
  // An address of one's own is that of a server, whose API begins below it.
  huggingface: { preset: 'huggingface', cut: /\/v1(?:\/chat\/completions)?$/, append: '/v1' },
  databricks: { preset: 'databricks', needsBase: true },
  snowflake: { preset: 'snowflake', needsBase: true },
  github: { preset: 'github-models' },
  dashscope: { preset: 'dashscope' },
  volcengine: { preset: 'volcengine' },
  moonshot: { preset: 'moonshot' },
  zai: { preset: 'zai' },
  minimax: { preset: 'minimax' },
  ovhcloud: { preset: 'ovhcloud' },
  vercel_ai_gateway: { preset: 'vercel' },
  meta_llama: { preset: 'llama' },
  morph: { preset: 'morph' },
  voyage: { preset: 'voyage' },
  jina_ai: { preset: 'jina' },
  elevenlabs: { preset: 'elevenlabs' },
  deepgram: { preset: 'deepgram' },
  replicate: { preset: 'replicate' },
  ollama: { preset: 'ollama-native' },
  ollama_chat: { preset: 'ollama-native' },
  hosted_vllm: { preset: 'vllm' },
  lm_studio: { preset: 'lmstudio' },
  llamafile: { preset: 'llamafile' },
  xinference: { preset: 'xinference' },
  docker_model_runner: { preset: 'docker-model-runner' },
  litellm_proxy: { preset: 'litellm' },
  custom_openai: COMPATIBLE,
  openai_like: COMPATIBLE,
  infinity: COMPATIBLE,
}

/** Models that LiteLLM knows without a host in front, by how their names begin. */
const BARE: readonly (readonly [RegExp, string])[] = [
  [/^(?:gpt-|o\d|chatgpt-|text-embedding-|dall-e-|whisper-|tts-|omni-moderation|ft:gpt-)/, 'openai'],
  [/^claude-/, 'anthropic'],
  [/^gemini-/, 'vertex_ai'],
  [/^command-|^rerank-|^embed-/, 'cohere'],
]

export type NamedHost = { readonly name: string; readonly host: Host; readonly model: string }

/** `azure/my-deployment` → the host and its model; null: nobody we know. `custom` is `custom_llm_provider`. */
export function litellmHost(written: string, custom: string | null): NamedHost | null {
  const slash = written.indexOf('/')
  const prefix = slash < 1 ? null : written.slice(0, slash)
  if (custom !== null) {
    const model = prefix === custom ? written.slice(slash + 1) : written
    return named(custom, model)
  }
  if (prefix !== null) return named(prefix, written.slice(slash + 1))
  const bare = BARE.find(([pattern]) => pattern.test(written))
  return bare === undefined ? null : named(bare[1], written)
}

function named(name: string, model: string): NamedHost | null {
  const host = rowOf(LITELLM_HOSTS, name)
  if (host === undefined || model === '') return null
  const variant = host.variants?.find(({ models }) => models.test(model))
  if (variant === undefined) return { name, host, model }
  return { name, host: { ...host, preset: variant.preset }, model: model.replace(variant.cut, '') }
}
