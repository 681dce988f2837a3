// Which routes survive the loss of a provider, on paper: whether somebody at another provider is left for every request.
//
// A target with a condition is nobody to rely on, because some requests do not meet it; and a route with tasks survives
// only if each of its tasks does.
import type { Route, Target } from './route.ts'

type Loss = {
  readonly provider: string
  /** Deployments that could answer any request after the loss, in their order. */
  readonly left: readonly string[]
  /** For what nobody would be left: tasks, or `requests` for all of them; empty: the route survives. */
  readonly lost: readonly string[]
}

export type Survival = { readonly route: string; readonly losses: readonly Loss[] }

/** What becomes of a route when each of its providers is lost, one at a time. */
export function survivalOf(route: Route): Survival {
  const branches = branchesOf(route)
  const providers = new Set(branches.flatMap(({ reliable, all }) => [...reliable, ...all]).map(providerOf))
  return {
    route: route.name,
    losses: [...providers].map((provider) => {
      const isLeft = (id: string): boolean => providerOf(id) !== provider
      return {
        provider,
        left: [...new Set(branches.flatMap(({ reliable }) => reliable.filter(isLeft)))],
        lost: branches.filter(({ reliable }) => !reliable.some(isLeft)).map(({ name }) => name),
      }
    }),
  }
}

/** Whether no single provider is needed. */
export function survives({ losses }: Survival): boolean {
  return losses.every(({ lost }) => lost.length === 0)
}

type Branch = {
  /** The task that goes this way, or `requests`. */
  readonly name: string
  /** Ids of deployments that serve every request of the branch. */
  readonly reliable: readonly string[]
  readonly all: readonly string[]
}

function branchesOf(route: Route): readonly Branch[] {
  const common = [...route.targets, ...route.fallbacks]
  const tasks = [...route.byTask].map(([task, targets]) =>
    branch(task === 'default' ? 'other tasks' : task, [...targets, ...common]),
  )
  // With a default every request has a task that is named.
  return route.byTask.has('default') ? tasks : [...tasks, branch('requests', common)]
}

function branch(name: string, targets: readonly Target[]): Branch {
  return {
    name,
    reliable: targets.filter(({ when }) => when === null).flatMap(reliableAt),
    all: targets.flatMap(allAt),
  }
}

/** Of a nested route, those that every one of its branches has. */
function reliableAt(target: Target): readonly string[] {
  if (target.type === 'deployment') return [target.deployment.id]
  const [first, ...others] = branchesOf(target.route)
  return first === undefined ? [] : first.reliable.filter((id) => others.every(({ reliable }) => reliable.includes(id)))
}

function allAt(target: Target): readonly string[] {
  return target.type === 'deployment' ? [target.deployment.id] : branchesOf(target.route).flatMap(({ all }) => all)
}

function providerOf(deploymentId: string): string {
  return deploymentId.slice(0, deploymentId.indexOf('/'))
}
