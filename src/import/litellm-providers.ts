// Deployments of LiteLLM's file → providers: entries that reach the same host in the same way are one provider of ours.
import { freeName, type ModelDrafts, providerName, type ProviderDraft, routeName } from './draft.ts'
import type { FileNotes } from './finding.ts'
import type { LitellmDeployment } from './litellm-entries.ts'
import { joinedFacts } from './litellm-model.ts'

/** A deployment with the name that it has here: `provider/model`. */
export type PlacedDeployment = LitellmDeployment & { readonly provider: string; readonly target: string }

export type Providers = {
  readonly drafts: Readonly<Record<string, ProviderDraft>>
  readonly deployments: readonly PlacedDeployment[]
  /** `openai/*`: every model of a provider that has the name of the group. */
  readonly wildcards: readonly PlacedDeployment[]
}

/** `openai/*` for all models of a host; null: an ordinary name. */
function wildcardOf({ group, model }: LitellmDeployment): { readonly prefix: string | null } | null {
  if (!group.includes('*')) return null
  if (model !== '*') return null
  if (group === '*') return { prefix: null }
  const prefix = /^([a-z0-9][a-z0-9._-]{0,63})\/\*$/i.exec(group)?.[1]
  return prefix === undefined ? null : { prefix }
}

type Place = {
  readonly name: string
  readonly provider: Record<string, unknown>
  readonly models: Map<string, ModelDrafts[string]>
}

export function litellmProviders(
  deployments: readonly LitellmDeployment[],
  aliases: readonly string[],
  notes: FileNotes,
): Providers {
  const places = new Map<string, Place>()
  const names = new Map<string, Place>()
  const ordinary: LitellmDeployment[] = []
  const wildcards: PlacedDeployment[] = []
  const open = (identity: string, name: string, deployment: LitellmDeployment): Place => {
    const place: Place = { name, provider: { ...deployment.connection.provider }, models: new Map() }
    places.set(identity, place)
    names.set(name, place)
    return place
  }
  for (const deployment of deployments) {
    if (!deployment.group.includes('*') && !deployment.model.includes('*')) {
      ordinary.push(deployment)
      continue
    }
    const wildcard = wildcardOf(deployment)
    if (wildcard === null) {
      notes.dropped(
        [...deployment.path, 'model_name'],
        `only \`name/*\` for all models of a host (\`host/*\`) can be carried over; \`${deployment.group}\` for \`${deployment.model}\` cannot`,
      )
      continue
    }
    const wanted = wildcard.prefix ?? providerName(deployment.named.name)
    const known = names.get(wanted)
    if (known !== undefined && !joinKeys(known.provider, deployment.connection.provider)) {
      notes.dropped(
        [...deployment.path, 'model_name'],
        `\`${wanted}\` is one provider here, and another entry has taken the name`,
      )
      continue
    }
    const place = known ?? open(identityOf(deployment), wanted, deployment)
    const message = `the provider \`${place.name}\`: all its models are called \`${place.name}/…\``
    if (wildcard.prefix === null)
      notes.changed(
        [...deployment.path, 'model_name'],
        `${message}; names without it are found where the model is known`,
      )
    else notes.carried([...deployment.path, 'model_name'], message)
    wildcards.push({ ...deployment, provider: place.name, target: `${place.name}/*` })
  }
  // A route may not begin with the name of a provider: providers give way.
  const reserved = new Set(
    [...ordinary.map(({ group }) => group), ...aliases].map((name) => routeName(name).split('/')[0]!),
  )
  const placed = ordinary.map((deployment): PlacedDeployment => {
    const identity = identityOf(deployment)
    const wanted = providerName(deployment.named.name)
    const place =
      places.get(identity) ??
      open(
        identity,
        freeName(wanted, (name) => names.has(name) || reserved.has(name)),
        deployment,
      )
    addFacts(place, deployment, notes)
    return { ...deployment, provider: place.name, target: `${place.name}/${deployment.model}` }
  })
  const drafts = [...names].map(([name, { provider, models }]): [string, ProviderDraft] => [
    name,
    models.size === 0 ? provider : { ...provider, models: Object.fromEntries(models) },
  ])
  return { drafts: Object.fromEntries(drafts), deployments: placed, wildcards }
}

function identityOf({ connection }: LitellmDeployment): string {
  return JSON.stringify(connection.provider)
}

/** Pools the keys of two connections that are the same but for them; false: they differ in more. */
function joinKeys(one: Record<string, unknown>, other: Readonly<Record<string, unknown>>): boolean {
  const { keys, ...rest } = one
  const { keys: more, ...otherRest } = other
  if (JSON.stringify(rest) !== JSON.stringify(otherRest)) return false
  const both = [keys, more].flatMap((list) => (Array.isArray(list) ? (list as string[]) : []))
  // One of them takes its key from the environment: which one it is cannot be written beside others.
  if ((keys === undefined) !== (more === undefined)) return false
  if (both.length > 0) one['keys'] = [...new Set(both)]
  return true
}

function addFacts(place: Place, { model, facts, path }: LitellmDeployment, notes: FileNotes): void {
  if (Object.keys(facts).length === 0) return
  const joined = joinedFacts(place.models.get(model) ?? {}, facts)
  if (joined === null)
    notes.changed(
      [...path, 'model_info'],
      `another entry says otherwise of \`${place.name}/${model}\`; the first one counts`,
    )
  else place.models.set(model, joined)
}
