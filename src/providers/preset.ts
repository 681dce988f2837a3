// What a row of the preset tables says: everything that has to be known of a host to call it, as data.
import type { Auth, Quirks } from '../core/model.ts'
import type { OutcomeRule } from '../core/outcome.ts'

/** Where the value of a `{placeholder}` comes from when the config does not give it: its variable, else its default. */
type Setting = { readonly env?: string; readonly default?: string }

export type Preset = {
  readonly title: string
  /** Without a trailing slash; `{name}` placeholders are filled from the provider's settings. Empty: `base_url` must be given. */
  readonly baseUrl: string
  /** Well-known environment variables of its key; the first that is set wins. */
  readonly env: readonly string[]
  /** Environment variable that moves the base URL, where such a convention exists. */
  readonly baseUrlEnv?: string
  readonly auth: Auth
  readonly wire:
    | 'openai'
    | 'anthropic'
    | 'assemblyai'
    | 'bedrock'
    | 'bedrock-invoke'
    | 'cohere'
    | 'deepgram'
    | 'elevenlabs'
    | 'fal'
    | 'custom'
    | 'gemini'
    | 'gemini-interactions'
    | 'jina'
    | 'ollama'
    | 'replicate'
    | 'simulator'
    | 'stability'
    | 'vertex'
    | 'vertex-anthropic'
    | 'voyage'
  /** Headers that every call must have; those of the config win. */
  readonly headers?: Readonly<Record<string, string>>
  /** Paths start with a slash; the query may hold placeholders. */
  readonly quirks: Quirks
  /** What its statuses mean, where that is not what others mean by them. */
  readonly outcomes?: readonly OutcomeRule[]
  /** Provider id in the bundled price catalogue; null where it has no prices of this host. */
  readonly priceId: string | null
  /** Self-hosted: needs no key, and is used only where the config names it. */
  readonly local?: true
  /** Its variable is often set for other ends (a deploy token, a CI token): alone it never sets this provider up. */
  readonly explicit?: true
  /** Placeholders that have a source besides the config. */
  readonly settings?: Readonly<Record<string, Setting>>
  /** `operator`: models are called there by names that whoever deploys them chooses. */
  readonly modelNames?: 'operator'
  /** The vendor's API documentation. */
  readonly docs: string
}

const BEARER: Auth = { type: 'bearer' }
const NO_KEY: readonly string[] = []

type Differences = Partial<Omit<Preset, 'title' | 'baseUrl' | 'docs'>>

// Every host takes `system`; few take `developer`, and some answer it with a 400.
const COMPATIBLE: Quirks = { developerRole: false }

/** A row that is like OpenAI but for `differences` and the role `developer`. `env`: one variable, several, or none. */
export function row(
  title: string,
  baseUrl: string,
  env: string | readonly string[] | null,
  docs: string,
  differences: Differences = {},
): Preset {
  const names = env === null ? NO_KEY : typeof env === 'string' ? [env] : env
  return {
    title,
    baseUrl,
    env: names,
    auth: BEARER,
    wire: 'openai',
    priceId: null,
    docs,
    ...differences,
    quirks: { ...COMPATIBLE, ...differences.quirks },
  }
}

/** A row of something people run themselves: plain HTTP on its usual port, no key asked for. */
export function localRow(title: string, baseUrl: string, docs: string, differences: Differences = {}): Preset {
  return row(title, baseUrl, null, docs, { local: true, ...differences })
}

/** Quirk of hosts that serve OpenAI's Responses too. */
export const WITH_RESPONSES: NonNullable<Quirks['paths']> = { responses: '/responses' }

/** Quirk of hosts that only chat. */
export const CHAT_ONLY: NonNullable<Quirks['paths']> = {
  completions: null,
  embeddings: null,
  moderations: null,
  images: null,
  audio: null,
  rerank: null,
  realtime: null,
}
