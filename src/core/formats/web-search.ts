// Searching the web, which most vendors run themselves: what their tools for it say ↔ what is meant by all of them.
//
// A tool of this kind stays what it is for its own family; for the others it is written anew. What another vendor's search
// cannot be told is a warning where the answer is still one to the same question (a place, a number of searches), and a
// refusal where it would search in what it must not (domains).
import type { ChatTool, WebSearch } from '../chat.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { defined, listOf, numberOf, objectOf, restOf, stringOf } from '../json-read.ts'

type HostedTool = Extract<ChatTool, { readonly type: 'hosted' }>
type Notes = { readonly warnings: string[]; readonly refusals: string[] }

const PLACE = ['city', 'region', 'country', 'timezone'] as const

function textsOf(object: JsonObject, name: string): readonly string[] | undefined {
  const texts = listOf(object, name).filter((value) => typeof value === 'string')
  return texts.length > 0 ? texts : undefined
}

/** `{type: 'approximate', …}`, in which OpenAI's chat puts the place one level deeper. */
function placeOf(location: JsonObject | null): JsonObject | undefined {
  if (location === null) return undefined
  const place = objectOf(location, 'approximate') ?? location
  const told = PLACE.flatMap((name) => (typeof place[name] === 'string' ? [[name, place[name]] as const] : []))
  return told.length > 0 ? Object.fromEntries(told) : undefined
}

/** A tool of OpenAI's Responses; undefined: it is another one. */
export function searchOfResponses(tool: JsonObject): WebSearch | undefined {
  if (stringOf(tool, 'type')?.startsWith('web_search') !== true) return undefined
  const filters = objectOf(tool, 'filters') ?? {}
  return defined<WebSearch>({
    allowedDomains: textsOf(filters, 'allowed_domains'),
    blockedDomains: textsOf(filters, 'blocked_domains'),
    contextSize: stringOf(tool, 'search_context_size') ?? undefined,
    location: placeOf(objectOf(tool, 'user_location')),
  })
}

/** `web_search_options` of OpenAI's chat completions. */
export function searchOfOptions(options: JsonObject): WebSearch {
  return defined<WebSearch>({
    contextSize: stringOf(options, 'search_context_size') ?? undefined,
    location: placeOf(objectOf(options, 'user_location')),
  })
}

/** A tool of Anthropic's messages, of any version; undefined: it is another one. */
export function searchOfAnthropic(tool: JsonObject): WebSearch | undefined {
  if (stringOf(tool, 'type')?.startsWith('web_search_') !== true) return undefined
  return defined<WebSearch>({
    allowedDomains: textsOf(tool, 'allowed_domains'),
    blockedDomains: textsOf(tool, 'blocked_domains'),
    maxUses: numberOf(tool, 'max_uses') ?? undefined,
    location: placeOf(objectOf(tool, 'user_location')),
  })
}

/** A tool of Gemini's by its name; undefined: it is another one. */
export function searchOfGemini(name: string, value: JsonValue | undefined): WebSearch | undefined {
  if (name !== 'googleSearch' && name !== 'googleSearchRetrieval') return undefined
  const settings = typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}
  return defined<WebSearch>({
    blockedDomains: textsOf(settings, 'excludeDomains') ?? textsOf(settings, 'exclude_domains'),
  })
}

/** What a vendor's search can be told. */
type Words = {
  readonly allowed: boolean
  readonly blocked: boolean
  readonly maxUses: boolean
  readonly contextSize: boolean
  readonly location: boolean
}

/** The search of a tool of another family, with words about what is lost; null: it is no search, and is refused. */
function searchFor(tool: HostedTool, words: Words, notes: Notes): WebSearch | null {
  const { search } = tool
  if (search === undefined) {
    notes.refusals.push(`The tool \`${tool.name}\` runs at another vendor's API.`)
    return null
  }
  if (search.allowedDomains !== undefined && !words.allowed)
    notes.refusals.push('The search of this provider cannot be kept to certain domains.')
  if (search.blockedDomains !== undefined && !words.blocked)
    notes.refusals.push('The search of this provider cannot be kept from certain domains.')
  if (search.maxUses !== undefined && !words.maxUses)
    notes.warnings.push('The number of searches is left out: this provider takes none.')
  if (search.contextSize !== undefined && !words.contextSize)
    notes.warnings.push('`search_context_size` is left out: this provider has no such thing.')
  if (search.location !== undefined && !words.location)
    notes.warnings.push('The place of the user is left out: the search of this provider takes none.')
  return search
}

/** A foreign tool as OpenAI's Responses have it; null: it is refused. */
export function responsesSearch(tool: HostedTool, notes: Notes): JsonObject | null {
  const words = { allowed: true, blocked: false, maxUses: false, contextSize: true, location: true }
  const search = searchFor(tool, words, notes)
  if (search === null) return null
  const { allowedDomains, contextSize, location } = search
  return defined<JsonObject>({
    type: 'web_search',
    filters: allowedDomains === undefined ? undefined : { allowed_domains: allowedDomains },
    search_context_size: contextSize,
    user_location: location === undefined ? undefined : { type: 'approximate', ...location },
  })
}

/** A foreign tool as Anthropic's messages have it; null: it is refused. */
export function anthropicSearch(tool: HostedTool, notes: Notes): JsonObject | null {
  const words = { allowed: true, blocked: true, maxUses: true, contextSize: false, location: true }
  const search = searchFor(tool, words, notes)
  if (search === null) return null
  const { allowedDomains, blockedDomains, maxUses, location } = search
  if (allowedDomains !== undefined && blockedDomains !== undefined)
    notes.refusals.push('The search of this provider takes domains to keep to or to keep from, and not both.')
  return defined<JsonObject>({
    type: 'web_search_20250305',
    name: 'web_search',
    max_uses: maxUses,
    allowed_domains: allowedDomains,
    blocked_domains: blockedDomains,
    user_location: location === undefined ? undefined : { type: 'approximate', ...location },
  })
}

/** A foreign tool as Gemini has it: there is nothing to be said to it at AI Studio, and domains to keep from at Vertex. */
export function geminiSearch(tool: HostedTool, takesDomains: boolean, notes: Notes): JsonObject | null {
  const words = { allowed: false, blocked: takesDomains, maxUses: false, contextSize: false, location: false }
  const search = searchFor(tool, words, notes)
  if (search === null) return null
  return { googleSearch: defined<JsonObject>({ excludeDomains: search.blockedDomains }) }
}

/** How an OpenAI-compatible host is told to search: by `web_search_options`, by the same with a `search_domain_filter`, or by a tool of its own. */
export type ChatSearch = 'options' | 'filter' | 'tool'

const CHAT_WORDS: Readonly<Record<ChatSearch, Words>> = {
  options: { allowed: false, blocked: false, maxUses: false, contextSize: true, location: true },
  filter: { allowed: true, blocked: true, maxUses: false, contextSize: true, location: true },
  tool: { allowed: true, blocked: true, maxUses: false, contextSize: true, location: true },
}

/** What makes a host search: a tool among the others, or fields of the request. */
type ChatSearchJson = { readonly tool: JsonObject | null; readonly fields: JsonObject }

/** A foreign tool for an OpenAI-compatible host; null: it is refused. */
export function chatSearch(tool: HostedTool, host: ChatSearch, notes: Notes): ChatSearchJson | null {
  const search = searchFor(tool, CHAT_WORDS[host], notes)
  if (search === null) return null
  const { allowedDomains = [], blockedDomains = [], contextSize, location } = search
  if (allowedDomains.length > 0 && blockedDomains.length > 0)
    notes.refusals.push('The search of this provider takes domains to keep to or to keep from, and not both.')
  switch (host) {
    case 'options': {
      const place = location === undefined ? undefined : { type: 'approximate', approximate: location }
      const options = defined<JsonObject>({ search_context_size: contextSize, user_location: place })
      return { tool: null, fields: { web_search_options: options } }
    }
    case 'filter': {
      // It searches by itself. https://docs.perplexity.ai/guides/search-domain-filters
      const domains = [...allowedDomains, ...blockedDomains.map((domain) => `-${domain}`)]
      const place = location === undefined ? undefined : (restOf(location, new Set(['timezone'])) ?? undefined)
      const options = defined<JsonObject>({ search_context_size: contextSize, user_location: place })
      return {
        tool: null,
        fields: defined<JsonObject>({
          web_search_options: Object.keys(options).length > 0 ? options : undefined,
          search_domain_filter: domains.length > 0 ? domains : undefined,
        }),
      }
    }
    case 'tool': {
      // https://openrouter.ai/docs/guides/features/server-tools/web-search
      const parameters = defined<JsonObject>({
        search_context_size: contextSize,
        allowed_domains: allowedDomains.length > 0 ? allowedDomains : undefined,
        excluded_domains: blockedDomains.length > 0 ? blockedDomains : undefined,
        user_location: location === undefined ? undefined : { type: 'approximate', ...location },
      })
      const isPlain = Object.keys(parameters).length === 0
      return { tool: { type: 'openrouter:web_search', ...(isPlain ? {} : { parameters }) }, fields: {} }
    }
  }
}

/** A tool of an OpenAI-compatible host that searches (OpenRouter's); undefined: it is another one. */
export function searchOfChatTool(tool: JsonObject): WebSearch | undefined {
  if (stringOf(tool, 'type') !== 'openrouter:web_search') return undefined
  const parameters = objectOf(tool, 'parameters') ?? {}
  return defined<WebSearch>({
    ...searchOfOptions(parameters),
    allowedDomains: textsOf(parameters, 'allowed_domains'),
    blockedDomains: textsOf(parameters, 'excluded_domains'),
  })
}
