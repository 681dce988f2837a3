// `model_list` of LiteLLM's file, entry by entry → deployments: who is called for a group of models, with which model.
import type { Path } from '../config/problem.ts'
import { isModelId } from './draft.ts'
import type { FileNotes } from './finding.ts'
import { type Connection, litellmConnection } from './litellm-connection.ts'
import { litellmHost, type NamedHost } from './litellm-hosts.ts'
import { infoOf, litellmModel } from './litellm-model.ts'
import { countOf, listOf, mappingOf, textOf } from './litellm-values.ts'
import { rowOf } from './table.ts'

export type LitellmDeployment = {
  readonly path: Path
  /** `model_name`: what clients write. */
  readonly group: string
  readonly named: NamedHost
  readonly connection: Connection
  readonly model: string
  readonly facts: Readonly<Record<string, unknown>>
  /** What LiteLLM picks by: the first of these that any deployment of the group has. */
  readonly shares: { readonly weight: number | null; readonly rpm: number | null; readonly tpm: number | null }
  /** Lower is tried first; null: not said. */
  readonly order: number | null
  readonly tags: readonly string[]
  /** Dollars, and LiteLLM's words for the time that they are for. */
  readonly budget: { readonly limit: unknown; readonly duration: unknown } | null
}

type Params = Readonly<Record<string, unknown>>

/** What `readEntry` reads besides the connection and prices. */
const READ = new Set(['model', 'custom_llm_provider', 'weight', 'order', 'tags', 'max_budget', 'budget_duration'])

/** Reasons for what has no place here; other names are defaults of requests. */
const WITHOUT_PLACE: Readonly<Record<string, string>> = {
  max_parallel_requests:
    'what runs at once at one provider is not bounded; keys, teams and the gateway have `concurrency`',
  max_retries: 'retries are a matter of routes (`retries`)',
  num_retries: 'retries are a matter of routes (`retries`)',
  mock_response: 'the simulator answers without a provider',
  drop_params: 'one word for the whole gateway: `routing.lossy`',
  use_in_pass_through: 'every provider can be reached at `/pass/<provider>/…`',
  merge_reasoning_content_in_choices: 'thoughts stay in their own field',
  tag_regex: 'conditions of targets compare headers and tags with wildcards, not by expressions',
}

/** Reads every entry; those that nobody can be called for are left out with their reason. */
export function litellmEntries(root: Params, notes: FileNotes): readonly LitellmDeployment[] {
  const credentials = readCredentials(root, notes)
  return listOf(root['model_list']).flatMap((entry, index) => {
    const found = readEntry(mappingOf(entry), ['model_list', index], credentials, notes)
    return found === null ? [] : [found]
  })
}

type Credentials = ReadonlyMap<string, Params>

function readCredentials(root: Params, notes: FileNotes): Credentials {
  const users = new Set(
    listOf(root['model_list']).map((entry) => mappingOf(mappingOf(entry)['litellm_params'])['litellm_credential_name']),
  )
  return new Map(
    listOf(root['credential_list']).flatMap((item, index): [string, Params][] => {
      const credential = mappingOf(item)
      const name = textOf(credential['credential_name'])
      if (name === null) return []
      const path = ['credential_list', index]
      if (users.has(name)) notes.carried(path, 'written out at the providers that use it')
      else notes.dropped(path, 'no entry of `model_list` uses it')
      return [[name, mappingOf(credential['credential_values'])]]
    }),
  )
}

function readEntry(entry: Params, path: Path, credentials: Credentials, notes: FileNotes): LitellmDeployment | null {
  const group = textOf(entry['model_name'])
  const own = mappingOf(entry['litellm_params'])
  const at = (name: string): Path => [...path, 'litellm_params', name]
  const credential = textOf(own['litellm_credential_name'])
  const params = { ...(credential === null ? {} : credentials.get(credential)), ...own }
  if (credential !== null) {
    if (credentials.has(credential)) notes.carried(at('litellm_credential_name'), 'written out at the provider')
    else notes.dropped(at('litellm_credential_name'), 'there is no such credential in `credential_list`')
  }
  const model = textOf(params['model'])
  const named = model === null ? null : litellmHost(model, textOf(params['custom_llm_provider']))
  if (group === null || named === null || !isModelId(named.model)) {
    notes.dropped(path, unreadable(group, model))
    return null
  }
  const connection = litellmConnection(named, { path, params }, notes)
  if (connection === null) return null
  notes.carried(at('model'), `preset \`${String(connection.provider['preset'])}\`, model \`${named.model}\``)
  if (params['custom_llm_provider'] !== undefined) notes.carried(at('custom_llm_provider'), 'preset of the provider')
  const info = infoOf(entry)
  const { facts, claimed } = litellmModel({ path, params, info }, notes)
  noteRest(own, claimed, at, notes)
  return {
    path,
    group,
    named,
    connection,
    model: named.model,
    facts,
    shares: { weight: countOf(params['weight']), rpm: countOf(params['rpm']), tpm: countOf(params['tpm']) },
    order: countOf(params['order']),
    tags: listOf(params['tags']).filter((tag): tag is string => typeof tag === 'string'),
    budget:
      params['max_budget'] === undefined ? null : { limit: params['max_budget'], duration: params['budget_duration'] },
  }
}

function unreadable(group: string | null, model: string | null): string {
  if (group === null) return '`model_name` is missing'
  if (model === null) return '`litellm_params.model` is missing'
  if (model === '*')
    return '`*` for every host: name the hosts that are meant (`openai/*`), each finds its key by its variable'
  if (model.endsWith('/')) return `\`${model}\` names no model`
  if (/\s/.test(model)) return `\`${model}\`: a name with blanks cannot be written as \`provider/model\``
  return `\`${model}\` names no host that there is a preset for; one that speaks OpenAI’s format can be written as \`openai/…\` with its \`api_base\``
}

/** Defaults of requests, and what is known to have no place. What other files read has its note there. */
function noteRest(own: Params, claimed: ReadonlySet<string>, at: (name: string) => Path, notes: FileNotes): void {
  for (const name of Object.keys(own)) {
    if (claimed.has(name) || READ.has(name)) continue
    const reason = rowOf(WITHOUT_PLACE, name)
    if (reason !== undefined) notes.dropped(at(name), reason)
    else if (isRequestField(name)) notes.dropped(at(name), 'a default for requests: clients send it themselves here')
  }
}

const REQUEST_FIELDS = new Set(
  'temperature top_p top_k max_tokens max_completion_tokens stop seed presence_penalty frequency_penalty logit_bias n user response_format tools tool_choice parallel_tool_calls reasoning_effort thinking stream stream_options safety_settings metadata extra_body dimensions encoding_format voice'.split(
    ' ',
  ),
)

function isRequestField(name: string): boolean {
  return REQUEST_FIELDS.has(name)
}
