// `npm run bench:cold-start`: quality and saving of the made-up cold start at each checkpoint, for twelve seeds.
import { randomOf } from '../src/providers/simulator/random.ts'
import { coldStart, MADE_UP } from './routing-cold-start.ts'

const CHECKPOINTS = [1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000]
const SEEDS = 12

const runs = Array.from({ length: SEEDS }, (_, seed) => coldStart(MADE_UP, CHECKPOINTS, randomOf(seed + 1)))
console.log('requests   quality of the baseline’s: least, median   saved: least, median')
for (const [position, requests] of CHECKPOINTS.entries()) {
  const sorted = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b)
  const quality = sorted(runs.map((run) => run[position]!.qualityShare))
  const saved = sorted(runs.map((run) => run[position]!.savedShare))
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`.padStart(9)
  const middle = SEEDS / 2
  console.log(
    `${String(requests).padStart(8)} ${percent(quality[0]!)} ${percent(quality[middle]!)} ${percent(saved[0]!)} ${percent(saved[middle]!)}`,
  )
}
