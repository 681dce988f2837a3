// Trains heads in a thread of its own, which ends with its work.
import type { LabelledAnswer } from './core/evidence.ts'
import type { HeadJob } from './lab/head-worker.ts'
import type { Heads } from './lab/heads.ts'

/** Rejects where the thread fails. */
export function trainInThread(
  answers: readonly LabelledAnswer[],
  deployments: readonly string[],
): Promise<Heads | null> {
  const worker = new Worker(workerUrl(import.meta.url))
  const job = jobOf(answers, deployments)
  return new Promise<Heads | null>((resolve, reject) => {
    worker.addEventListener('message', ({ data }: MessageEvent<Heads | null>) => resolve(data))
    worker.addEventListener('error', ({ message }) => reject(new Error(`the training of heads failed: ${message}`)))
    worker.postMessage(job, [job.inputs.buffer])
  }).finally(() => worker.terminate())
}

/** The thread's program beside a module of the sources, or of a bundle of them (scripts/bundle.mjs). */
export function workerUrl(moduleUrl: string): string {
  return new URL(`./lab/head-worker${moduleUrl.endsWith('.ts') ? '.ts' : '.js'}`, moduleUrl).href
}

function jobOf(answers: readonly LabelledAnswer[], deployments: readonly string[]): HeadJob {
  const wanted = answers.filter(({ deployment }) => deployments.includes(deployment))
  const inputs = new Uint8Array(wanted.reduce((sum, { input }) => sum + input.length, 0))
  const ends: number[] = []
  let end = 0
  for (const { input } of wanted) {
    inputs.set(input, end)
    ends.push((end += input.length))
  }
  return {
    deployments,
    places: wanted.map(({ deployment }) => deployments.indexOf(deployment)),
    qualities: wanted.map(({ quality }) => quality),
    ends,
    inputs,
  }
}
