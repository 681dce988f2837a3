// `providers:` of the file: the parsed value as types, then its fields.
import { parseObject } from '../core/json-read.ts'
import type { Quirks, Timeouts } from '../core/model.ts'
import { custom, type CustomConfig } from './schema-custom.ts'
import { duration, changed, choice, type Field, flag, limit, list, map, section, text } from './fields.ts'
import { model, type ModelConfig } from './schema-models.ts'
import { someTimeouts } from './schema-shared.ts'
import { parseBaseUrl, parsePrice, parseProxy } from './values.ts'

export type ProviderConfig = {
  /** Absent: the provider's own name. */
  readonly preset?: string
  readonly baseUrl?: string
  /** Secrets, as they are presented. Absent: those of the preset's environment variables. */
  readonly keys?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  readonly proxy?: string
  /** PEM. */
  readonly ca?: string
  readonly allowPrivate?: boolean
  readonly collectsData?: boolean
  /** Values of the placeholders in the preset's base URL. */
  readonly settings?: Readonly<Record<string, string>>
  readonly quirks?: QuirksConfig
  readonly custom?: CustomConfig
  readonly timeouts?: Partial<Timeouts>
  readonly limits?: { readonly rpm?: number | null; readonly tpm?: number | null }
  readonly healthCheck?: HealthCheckConfig
  readonly pass?: PassConfig
  readonly models?: Readonly<Record<string, ModelConfig>>
}

/** A small chat, sent when nothing was heard of the model for a while. */
type HealthCheckConfig = { readonly everyMs: number; readonly model: string }

/** Calls of the provider's own API at `/pass/{provider}/…`. */
type PassConfig = {
  /** Dollars, decimal text. */
  readonly pricePerRequest?: string
  /** Absent: the provider's base URL. */
  readonly baseUrl?: string
}

/** How a host differs from OpenAI, as far as an operator may have to say it. */
type QuirksConfig = Pick<
  Quirks,
  | 'responses'
  | 'streamUsage'
  | 'maxTokensField'
  | 'reasoningField'
  | 'developerRole'
  | 'responseFormat'
  | 'thinkTags'
  | 'toolIds'
  | 'cacheControl'
  | 'topK'
  | 'mediaUrls'
  | 'batches'
  | 'webSearch'
  | 'refusedFields'
>

const quirks = section<QuirksConfig>(
  {
    description:
      'How this host differs from OpenAI, where the preset does not say it. Only requests that are translated need most of these.',
  },
  {
    responses: choice(
      { description: 'Whether OpenAI’s Responses are served; `only`: chats of every format go there.' },
      ['none', 'served', 'only'],
    ),
    streamUsage: flag({ description: 'Whether `stream_options.include_usage` may be sent.' }),
    maxTokensField: choice({ description: 'Name of the bound on output tokens.' }, [
      'max_tokens',
      'max_completion_tokens',
    ]),
    reasoningField: choice({ description: 'Field in which thoughts of earlier turns go back.' }, [
      'reasoning_content',
      'reasoning',
      'reasoning_details',
    ]),
    developerRole: flag({ description: 'Whether the role `developer` is known; else it becomes `system`.' }),
    responseFormat: choice({ description: 'What is taken for structured output.' }, [
      'json_schema',
      'json_object',
      'none',
    ]),
    thinkTags: flag({ description: 'Whether thoughts come as `<think>…</think>` in the text.' }),
    toolIds: choice({ description: 'Form of tool call ids, where not any will do: nine letters and digits.' }, [
      'nine',
    ]),
    cacheControl: flag({ description: 'Whether `cache_control` on parts and tools is read.' }),
    topK: flag({ description: 'Whether `top_k` is taken.' }),
    mediaUrls: flag({
      description: 'Whether pictures and files are fetched from their addresses; else they are sent as their content.',
    }),
    webSearch: choice(
      {
        description:
          'How searching the web is asked for where another vendor’s tool for it is translated: `options` is `web_search_options`, `filter` the same with a `search_domain_filter`, `tool` the tool `openrouter:web_search`.',
      },
      ['options', 'filter', 'tool'],
    ),
    batches: flag({
      description:
        'Whether batches of requests are taken, as OpenAI or Anthropic take them. They are billed at half of the price, unless a `batch` price is set.',
    }),
    refusedFields: list(
      { description: 'Request fields that are answered with an error, and are left out with a warning.' },
      text({ description: '', kind: 'field name' }),
    ),
  },
  { optional: true },
)

/** Settings that may be written beside the other fields of a provider, without `settings:`. */
export const SETTING_SHORTHANDS = ['region', 'account', 'resource', 'project', 'deployment', 'api_version'] as const

type ProviderFile = ProviderConfig & {
  readonly region?: string
  readonly account?: string
  readonly resource?: string
  readonly project?: string
  readonly deployment?: string
  readonly apiVersion?: string
}

const PLACEHOLDER = {
  kind: 'text',
  expected: 'letters, digits, dots, dashes and underscores, a letter or digit at both ends',
}

// It becomes part of a URL: nothing that could lead elsewhere may stand in it.
function readPlaceholder(value: string): string | null {
  return /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,198}[A-Za-z0-9])?$/.test(value) ? value : null
}

function shorthand(name: string): Field<string> {
  return text({ ...PLACEHOLDER, description: `Short for \`settings.${name}\`.` }, undefined, readPlaceholder)
}

/** A key, or the content of a key file, which may be of many lines and is kept as one. */
function readKey(value: string): string | null {
  const file = value.startsWith('{') ? parseObject(value) : null
  if (file !== null) return JSON.stringify(file)
  return /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/.test(value) ? value : null
}

export const provider: Field<ProviderConfig> = changed(
  section<ProviderFile>(
    { description: 'One provider. `{}` takes everything from the preset of the same name.' },
    {
      preset: text({
        description: 'The preset to start from. Default: the provider’s own name.',
        kind: 'name',
        synonyms: ['type', 'kind', 'provider'],
      }),
      baseUrl: text(
        {
          description: 'Where the API is, up to and including its version part. Default: the preset’s.',
          kind: 'URL',
          expected: 'an http or https URL without query, such as https://api.example.com/v1',
          synonyms: ['url', 'api_base', 'endpoint', 'base'],
        },
        undefined,
        parseBaseUrl,
      ),
      keys: list(
        {
          description:
            'Secrets of this provider, used in turn: `"${NAME}"`, `"file:/path"` or the value itself. Default: the preset’s environment variables.',
          synonyms: ['key', 'api_key', 'api_keys', 'token', 'secret'],
        },
        text(
          {
            description: '',
            kind: 'secret',
            secret: true,
            expected: 'a secret: text in one line without spaces around it, or the JSON of a key file',
          },
          undefined,
          readKey,
        ),
      ),
      headers: map(
        { description: 'Headers to send with every call.' },
        '<header>',
        text({ description: '', kind: 'text', secret: true, expected: 'text in one line' }, undefined, (value) =>
          /^[\t\x20-\x7e\x80-\xff]*$/.test(value) ? value.trim() : null,
        ),
      ),
      proxy: text(
        {
          description:
            'HTTP proxy for this provider: its URL, `file:/path` with it, or `none`. Default: what `HTTPS_PROXY` and its like say.',
          kind: 'URL',
          secret: true,
          expected: 'none, or an http or https URL such as http://proxy.example.com:3128',
        },
        undefined,
        parseProxy,
      ),
      ca: text(
        {
          description: 'Certificate authority to trust for this provider: `file:/path` or PEM text.',
          kind: 'PEM',
          expected: 'PEM text, or file:/path of a PEM file',
          synonyms: ['ca_file', 'ca_cert', 'tls_ca'],
        },
        undefined,
        (value) => (/-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----/.test(value) ? value : null),
      ),
      allowPrivate: flag({
        description:
          'Whether private and loopback addresses may be called. Default: true, because the file is the operator’s own word.',
      }),
      collectsData: flag({
        description:
          'Whether the provider keeps what it is sent for purposes of its own. Callers that deny it (`provider.data_collection: deny`) get only providers of which this is `false`.',
      }),
      settings: map(
        { description: 'Values of the `{placeholders}` in the preset’s base URL.' },
        '<name>',
        text({ ...PLACEHOLDER, description: '' }, undefined, readPlaceholder),
      ),
      region: shorthand('region'),
      account: shorthand('account'),
      resource: shorthand('resource'),
      project: shorthand('project'),
      deployment: shorthand('deployment'),
      apiVersion: shorthand('api_version'),
      quirks,
      custom,
      timeouts: someTimeouts('this provider'),
      limits: section<NonNullable<ProviderConfig['limits']>>(
        { description: 'What the provider grants you, where you know it.' },
        {
          rpm: limit({ description: 'Requests in any minute.' }),
          tpm: limit({ description: 'Tokens in any minute.' }),
        },
        { optional: true },
      ),
      healthCheck: section<HealthCheckConfig>(
        {
          description:
            'A small chat that is sent when the model was not asked within a minute, or while it cools down. Its cost is booked on the key `key_health_check`.',
        },
        {
          everyMs: duration(
            { description: 'How often at most.', synonyms: ['interval'] },
            { min: 1_000, max: 86_400_000 },
            60_000,
          ),
          model: text({ description: 'The model that is asked.', kind: 'model' }),
        },
        { optional: true, required: ['model'] },
      ),
      pass: section<PassConfig>(
        { description: 'Calls of the provider’s own API at `/pass/<provider>/…`.' },
        {
          pricePerRequest: text(
            {
              description:
                'What a request costs whose answer does not tell what it used. Without it such requests have no price.',
              kind: 'dollars',
              expected: 'dollars for one request, such as 0.01',
              range: 'from 0',
            },
            undefined,
            parsePrice,
          ),
          baseUrl: text(
            {
              description:
                'What such calls go below, where it is not `base_url`: the host without its version part, say.',
              kind: 'URL',
              expected: 'an http or https URL without query, such as https://api.example.com',
            },
            undefined,
            parseBaseUrl,
          ),
        },
        { optional: true },
      ),
      models: map(
        { description: 'Models of this provider that need more than the catalogue knows.' },
        '<model>',
        model,
      ),
    },
    { optional: true },
  ),
  ({ region, account, resource, project, deployment, apiVersion, ...rest }) => {
    const short = { region, account, resource, project, deployment, api_version: apiVersion }
    const given = Object.entries(short).filter((entry): entry is [string, string] => entry[1] !== undefined)
    return given.length === 0 ? rest : { ...rest, settings: { ...rest.settings, ...Object.fromEntries(given) } }
  },
)
