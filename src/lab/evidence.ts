// The lab's first reader of answers: what each says against itself, and that a question is asked again, as evidence of quality.
import type { AnsweredRequest } from '../core/evidence.ts'
import type { Answered, SampleConsumer } from './answered.ts'
import type { EvidenceBook, Said } from './evidence-book.ts'
import { bytesOfHeadInput } from './head-input-bytes.ts'
import { headInputOf } from './heads.ts'
import { promptOf } from './prompt.ts'
import type { RetryWatch } from './retries.ts'
import type { SchemaChecks } from './schema-checks.ts'
import type { Evidence } from './score.ts'
import { type Fault, faultsOf } from './validity.ts'

/** Told of each answer that was looked at, with what is wrong with it. */
type EvidenceWitness = (answered: Answered, about: AnsweredRequest, faults: readonly Fault[]) => void

type EvidenceReaderTools = {
  readonly book: EvidenceBook
  readonly checks: SchemaChecks
  readonly retries: RetryWatch
  /** Whether answers of a route are looked at. */
  readonly isOn: (route: string) => boolean
  readonly witnesses: readonly EvidenceWitness[]
}

/** Who says it, in what is kept. */
const SOURCE = 'gateway'

export function createEvidenceReader(tools: EvidenceReaderTools): SampleConsumer {
  const { book, checks, retries, isOn, witnesses } = tools

  function count(about: AnsweredRequest, kind: Evidence['kind'], weight: number | null, comment: string): void {
    const said: Said = { source: SOURCE, evidence: { kind, quality: null, weight }, comment }
    book.count(about, said)
  }

  async function look(answered: Answered): Promise<void> {
    const { answer, request, status, attempts } = answered
    const about = answeredRequest(answered)
    // Who did not answer is less reliable, and its quality is as unknown as before.
    if (about.deployment === '' || status !== 'complete' || answer.type !== 'read') return
    book.note(about)
    // Answers that were set aside for their form before this one was given.
    for (const { target, outcome } of attempts)
      if (outcome.type === 'unfit' && target !== about.deployment)
        book.count(
          { ...about, deployment: target },
          {
            source: `${SOURCE} ${target}`,
            evidence: { kind: 'invalid_format', quality: null, weight: null },
            comment: outcome.reason,
          },
        )
    const before = retries.asksAgain(request, about, answered)
    if (before !== null) count(before, 'asked_again', null, 'its question was asked again')
    const faults = await faultsOf(request, answer.answer, checks)
    // One answer is bad once: what else is wrong with it follows from that, or adds little.
    const [worst] = faults
    if (worst !== undefined) count(about, worst.kind, worst.weight, worst.detail)
    for (const witness of witnesses) witness(answered, about, faults)
  }

  return { name: 'evidence', wants: isOn, take: look }
}

/** What is kept of a request that was looked at; `deployment` is empty where nobody was asked. */
export function answeredRequest(answered: Answered): AnsweredRequest {
  const { requestId, at, caller, route, deployment, task, request, promptMode } = answered
  const { id: keyId, teamId } = caller.key
  const about = { id: requestId, at, keyId, teamId, route, deployment: deployment ?? '', shares: task.shares }
  // Hashed words are still something of what was asked.
  if (promptMode === 'off') return about
  return { ...about, input: bytesOfHeadInput(headInputOf(promptOf(request), task.shares)) }
}
