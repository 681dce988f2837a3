// The offline stage: prompts that are kept, with the answers that the baseline gave, are asked of the candidate. Where fewer are kept
// than the stage needs pairs, it is passed over; what is kept is the operator's choice (`prompts`).
import type { Experiment } from '../core/experiment.ts'
import type { KeptPrompt } from '../core/kept-prompt.ts'
import type { Clock } from '../core/clock.ts'
import { promptOf } from '../lab/prompt.ts'
import { taskOf } from '../lab/task.ts'
import type { PromptStore, RequestStore } from '../store/store.ts'
import { type Compare, type Question, whyNotAsk } from './comparing.ts'
import { type Copies, isPersonal } from './copies.ts'
import type { Judges } from './judges.ts'
import type { Progress } from './progress.ts'

export type OfflineTools = {
  readonly store: Pick<PromptStore, 'scanPrompts'> & Pick<RequestStore, 'getRequest'>
  readonly clock: Clock
  readonly judges: Judges
  readonly compare: Compare
  readonly copies: Pick<Copies, 'count'>
  readonly signal: AbortSignal
}

/** Prompts that are looked through, and how far back. */
const MOST_SCANNED = 5_000
const PAGE = 200
const LOOK_BACK_MS = 14 * 86_400_000
/** Prompts for each pair that the stage needs: some come to nothing. */
const SPARE = 2

/** Asks what can be asked; resolves with why the stage is to be passed over, or null: it has moved by itself, or has to wait. */
export async function askOffline(progress: Progress, tools: OfflineTools): Promise<string | null> {
  const { judges, compare, copies, signal } = tools
  const { id, spec } = progress.now
  const questions = await questionsOf(progress.now, tools)
  if (questions.length < spec.pairsPerStage)
    return `${questions.length} usable prompts are kept, and ${spec.pairsPerStage} are needed to ask them offline`
  if (whyNotAsk(progress.now, judges) !== null) return null
  for (const question of questions) {
    if (signal.aborted || !isOffline(progress.now) || whyNotAsk(progress.now, judges) !== null) return null
    copies.count(id, await compare(progress, question))
  }
  return isOffline(progress.now) ? `all kept prompts were asked: ${progress.now.ramp.stagePairs} pairs` : null
}

export function isOffline({ ramp }: Experiment): boolean {
  return ramp.stage === 'offline' && ramp.status === 'running'
}

/** The newest prompts that the baseline has answered, of each conversation's beginning one. */
async function questionsOf(experiment: Experiment, { store, clock }: OfflineTools): Promise<readonly Question[]> {
  const { spec } = experiment
  const to = clock.now()
  const found = new Map<string, KeptPrompt>()
  let cursor: string | null = null
  for (let scanned = 0; scanned < MOST_SCANNED; scanned += PAGE) {
    const query = { cursor, limit: PAGE, from: to - LOOK_BACK_MS, to, route: spec.route }
    const page: Awaited<ReturnType<typeof store.scanPrompts>> = await store.scanPrompts(query)
    for (const kept of page.data)
      if (kept.deployment === spec.baseline && (kept.content?.answer ?? null) !== null)
        found.set(kept.hashes.prompt, kept)
    cursor = page.next
    if (cursor === null) break
  }
  const questions: Question[] = []
  for (const kept of [...found.values()].toReversed()) {
    if (questions.length >= spec.pairsPerStage * SPARE) break
    const record = await store.getRequest(kept.requestId)
    if (record !== null && isPersonal(record.dimensions.tags)) continue
    const question = questionFrom(kept)
    if (question !== null) questions.push(question)
  }
  return questions
}

function questionFrom({
  content,
  hashes,
  requestId,
  at,
  keyId,
  teamId,
  route,
  deployment,
}: KeptPrompt): Question | null {
  if (content === null) return null
  const { request, answer } = content
  return {
    unit: `prompt ${hashes.prompt}`,
    stage: 'offline',
    arm: 'control',
    request,
    answer,
    requestId,
    about() {
      const { shares } = taskOf(promptOf(request))
      return { id: requestId, at, keyId, teamId, route, deployment: deployment ?? '', shares }
    },
  }
}
