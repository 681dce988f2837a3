// What is learned of tasks while serving, held and kept: the usual tasks of each application, and each tenant's corrections.
//
// An application is a key and a system message, of which only a hash is held. A tenant is a team, or a key without one.
import { LRUCache } from 'lru-cache'
import { atMost } from '../core/bound.ts'
import { isObject, type JsonValue } from '../core/json.ts'
import type { Learner } from './evidence-book.ts'
import {
  type ApplicationTasks,
  learnTask,
  NEW_APPLICATION,
  NO_BIAS,
  rememberGuess,
  type TaskBias,
  withApplication,
  withBias,
} from './task-memory.ts'
import { type Task, type TaskGuess, TASKS, type TaskShares } from './task.ts'

type Asker = { readonly keyId: string; readonly teamId: string | null }

export interface TaskLearning extends Learner {
  /** The guess, drawn to what its application usually asks for and to what its tenant has corrected. */
  refine(guess: TaskGuess, asker: Asker, system: string): TaskGuess
  /** A request of an application was looked at; `guess`: as it is by itself, or as the caller said. */
  remember(guess: TaskGuess, asker: Asker, system: string): void
  /** The tenant says what the task of a request was. */
  correct(asker: Asker, shares: TaskShares, named: Task): void
}

const PREFIX = 'task:'
const MAX_APPLICATIONS = 5_000
const MAX_TENANTS = 2_000
const MAX_SYSTEM = 4_096

export function createTaskLearning(): TaskLearning {
  const applications = new LRUCache<string, ApplicationTasks>(atMost(MAX_APPLICATIONS))
  const biases = new LRUCache<string, TaskBias>(atMost(MAX_TENANTS))
  const changed = new Set<string>()
  return {
    prefix: PREFIX,
    refine(guess, asker, system) {
      const bias = biases.get(tenantName(asker))
      const application = applications.size === 0 ? undefined : applications.get(applicationName(asker, system))
      const drawn = application === undefined ? guess : withApplication(guess, application)
      return bias === undefined ? drawn : withBias(drawn, bias)
    },
    remember(guess, asker, system) {
      const name = applicationName(asker, system)
      applications.set(name, rememberGuess(applications.get(name) ?? NEW_APPLICATION, guess))
      changed.add(name)
    },
    correct(asker, shares, named) {
      const name = tenantName(asker)
      biases.set(name, learnTask(biases.get(name) ?? NO_BIAS, { task: named, shares }, named))
      changed.add(name)
    },
    takeChanged() {
      const states = [...changed].flatMap((name): { name: string; state: JsonValue }[] => {
        const values = biases.peek(name)?.offsets ?? applications.peek(name)?.weights
        return values === undefined ? [] : [{ name, state: { tasks: [...TASKS], values: values.map(rounded) } }]
      })
      changed.clear()
      return states
    },
    noteChanged(names) {
      for (const name of names) changed.add(name)
    },
    restore(states) {
      for (const { name, state } of states) {
        const values = readValues(state)
        if (values === null) continue
        if (name.startsWith(`${PREFIX}tenant:`)) biases.set(name, { offsets: values })
        else applications.set(name, { weights: values })
      }
    },
  }
}

function tenantName({ keyId, teamId }: Asker): string {
  return `${PREFIX}tenant:${teamId ?? keyId}`
}

function applicationName({ keyId }: Asker, system: string): string {
  return `${PREFIX}application:${keyId}:${hashOf(system.slice(0, MAX_SYSTEM))}`
}

/** FNV-1a of two seeds, 53 bits together: an accident among thousands of applications is not to be expected. */
function hashOf(text: string): string {
  let one = 0x811c9dc5
  let other = 0x9747b28c
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    one = Math.imul(one ^ code, 0x01000193)
    other = Math.imul(other ^ code, 0x85ebca6b)
  }
  return ((one >>> 0) * 0x20_0000 + (other >>> 11)).toString(36)
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}

/** In the order of `TASKS` as they are now; null: it is none of ours. */
function readValues(state: JsonValue): readonly number[] | null {
  if (!isObject(state)) return null
  const { tasks, values } = state
  if (!Array.isArray(tasks) || !Array.isArray(values)) return null
  return TASKS.map((task) => {
    const value = values[tasks.indexOf(task)]
    return typeof value === 'number' && Number.isFinite(value) ? value : 0
  })
}
