// Golden prompts: questions whose answers a program can check, put to each deployment from time to time. A drop of what it gets right is a change of
// the deployment and nothing else, since the questions stay the same.
//
// These come with the program: easy ones, so that a sound model gets nearly all of them right and a drop stands out. They are made from tables, the same ones at every
// start, and none of them depends on the date or on facts that change.
import type { Task } from './task.ts'

/** What an answer must be like; all that is there must hold. Texts are compared without regard to case. */
export type GoldenCheck = {
  /** The whole answer, but for spaces, full stops and quotes around it. */
  readonly equals?: string
  readonly contains?: readonly string[]
  readonly excludes?: readonly string[]
  /** A regular expression. */
  readonly matches?: string
  /** The last number in it. */
  readonly number?: number
  /** It is JSON, with these fields at least. */
  readonly json?: Readonly<Record<string, string | number | boolean>>
}

export type GoldenPrompt = {
  readonly name: string
  readonly task: Task
  readonly system?: string
  readonly prompt: string
  readonly check: GoldenCheck
}

const COUNT = 30
const CAPITALS =
  'France:Paris Germany:Berlin Italy:Rome Spain:Madrid Portugal:Lisbon Greece:Athens Austria:Vienna Poland:Warsaw Hungary:Budapest Sweden:Stockholm Norway:Oslo Finland:Helsinki Ireland:Dublin Belgium:Brussels Japan:Tokyo Thailand:Bangkok Egypt:Cairo Kenya:Nairobi Peru:Lima Chile:Santiago Cuba:Havana Canada:Ottawa Iraq:Baghdad Iran:Tehran Syria:Damascus Lebanon:Beirut Denmark:Copenhagen Romania:Bucharest Bulgaria:Sofia Russia:Moscow'
const PEOPLE = 'Ada Ben Cleo Dan Eva Finn Gita Hugo Ines Jack Kira Liam Mona Nils Olga'.split(' ')
const THINGS = 'lamp chair book kettle bicycle rug clock spade tent mirror'.split(' ')
const PRAISE = ['I love it', 'It works perfectly', 'Best purchase in years', 'Absolutely wonderful', 'I am delighted']
const BLAME = [
  'I hate it',
  'It broke on the first day',
  'A complete waste of money',
  'Absolutely terrible',
  'I want my money back',
]

export const GOLDEN_SET: readonly GoldenPrompt[] = [
  ...times((index) => {
    const [one, other, third] = [12 + index * 7, 3 + (index % 9), 5 + index]
    return {
      name: `sum-${index}`,
      task: 'reasoning',
      prompt: `A shop has ${one} boxes with ${other} apples each, and sells ${third} apples. How many apples are left? Give only the number.`,
      check: { number: one * other - third },
    }
  }),
  ...CAPITALS.split(' ').map((pair): GoldenPrompt => {
    const [country = '', capital = ''] = pair.split(':')
    return {
      name: `capital-${country.toLowerCase()}`,
      task: 'open_qa',
      prompt: `What is the capital of ${country}? Answer with its name alone.`,
      check: { contains: [capital] },
    }
  }),
  ...times((index) => {
    const buyer = pick(PEOPLE, index)
    const thing = pick(THINGS, index * 3)
    const price = 15 + index * 4
    return {
      name: `invoice-${index}`,
      task: 'extraction',
      prompt: `Extract buyer, item and price from this note as JSON with the fields "buyer", "item" and "price" (a number), and nothing else:\n${buyer} bought a ${thing} from us yesterday and paid ${price} dollars in cash.`,
      check: { json: { buyer, item: thing, price } },
    }
  }),
  ...times((index) => {
    const isGood = index % 2 === 0
    const turn = Math.floor(index / 2)
    return {
      name: `review-${index}`,
      task: 'classification',
      prompt: `Is this review positive or negative? Answer with one word.\n"${pick(isGood ? PRAISE : BLAME, turn)}. The ${pick(THINGS, turn + Math.floor(turn / 5))} arrived on a Monday."`,
      check: { contains: [isGood ? 'positive' : 'negative'], excludes: [isGood ? 'negative' : 'positive'] },
    }
  }),
  ...times((index) => {
    const [one, other] = [pick(PEOPLE, index), pick(PEOPLE, index + 7)]
    const [here, there] = [pick(THINGS, index), pick(THINGS, index + 5)]
    return {
      name: `passage-${index}`,
      task: 'closed_qa',
      prompt: `Based on the passage, who has the ${there}? Answer with the name alone.\nPassage: ${one} keeps the ${here} in the attic. ${other} took the ${there} to the garden. Nobody else was there.`,
      check: { contains: [other], excludes: [one] },
    }
  }),
]

function times(make: (index: number) => GoldenPrompt): readonly GoldenPrompt[] {
  return Array.from({ length: COUNT }, (_, index) => make(index))
}

function pick(list: readonly string[], index: number): string {
  return list[index % list.length] ?? ''
}
