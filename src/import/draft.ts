// The configuration that an import makes, in the words of `weir.yaml`, and its text.
import { stringify } from 'yaml'

export type TargetDraft = string | { readonly use: string; readonly weight?: number; readonly when?: object }

export type RouteDraft = {
  readonly strategy?: string
  readonly targets: readonly TargetDraft[]
  readonly fallbacks?: readonly TargetDraft[]
  readonly on?: Readonly<Record<string, readonly TargetDraft[]>>
  readonly retries?: number
}

/** Models of a provider: what the operator said of each. */
export type ModelDrafts = Readonly<Record<string, Readonly<Record<string, unknown>>>>
export type ProviderDraft = Readonly<Record<string, unknown>> & { readonly models?: ModelDrafts }

export type ConfigDraft = Readonly<Record<string, unknown>> & {
  readonly providers: Readonly<Record<string, ProviderDraft>>
  readonly routes: Readonly<Record<string, RouteDraft>>
  readonly aliases?: Readonly<Record<string, string>>
}

const MASK = '<secret>'

/** The text of the file. `secrets`: texts of the draft that are not to be shown; absent: everything is written. */
export function writeDraft(draft: ConfigDraft, madeFrom: string, secrets?: ReadonlySet<string>): string {
  const shown = secrets === undefined ? draft : masked(draft, secrets)
  const head = `# Made by \`weir import\` from ${madeFrom}. \`weir check --config\` tells whether it can be used as it is.\n`
  return `${head}${stringify(withoutEmpty(shown), { lineWidth: 0, aliasDuplicateObjects: false })}`
}

function masked(value: unknown, secrets: ReadonlySet<string>): unknown {
  if (typeof value === 'string') return secrets.has(value) ? MASK : value
  if (Array.isArray(value)) return value.map((item) => masked(item, secrets))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, masked(item, secrets)]))
}

/** Sections without anything in them say nothing. */
function withoutEmpty(draft: unknown): unknown {
  return Object.fromEntries(
    Object.entries(draft as object).filter(
      ([, value]: [string, unknown]) => typeof value !== 'object' || value === null || Object.keys(value).length > 0,
    ),
  )
}

/** Text of another program as a value of the file, where `$` begins a variable. */
export function literal(text: string): string {
  return text.replaceAll('$', '$$$$')
}

/** Text that may be a name of routes and aliases: other characters become dashes. Empty: nothing is left that may be one. */
export function routeName(name: string): string {
  const cut = name
    .trim()
    .replaceAll(/[^\w.:@+/-]+/g, '-')
    .replaceAll(/\/{2,}/g, '/')
    .replaceAll(/^[/]+|[/]+$/g, '')
    .slice(0, 200)
  // No mapping of the configuration has a member of this name.
  return cut === '__proto__' ? '' : cut
}

/** What a provider is called whose name has no letter that may stay. */
export const NAMELESS = 'provider'

/** Text that may be a name of providers. */
export function providerName(name: string): string {
  const cut = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
    .slice(0, 40)
  return cut === '' ? NAMELESS : cut
}

/** `wanted`, or with the first number behind it that makes it free. */
export function freeName(wanted: string, isTaken: (name: string) => boolean): string {
  if (!isTaken(wanted)) return wanted
  for (let number = 2; ; number++) if (!isTaken(`${wanted}-${number}`)) return `${wanted}-${number}`
}

/** Whether a model can be named as `provider/model`. */
export function isModelId(model: string): boolean {
  return /^[^\s/]+(?:\/+[^\s/]+)*$/.test(model)
}
