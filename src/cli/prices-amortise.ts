// `weir prices amortise`: what a token of a model costs that runs on machines of one's own.
import { parseAmount } from '../config/budget-values.ts'
import { formatUsd } from '../core/money.ts'
import { inputTokens, outputTokens } from '../core/usage.ts'
import { amortise } from '../ledger/amortise.ts'
import { totalOf } from '../ledger/spend-sums.ts'
import { type Arguments, CliError, type Command, DATA_OPTION, EXIT, UsageError } from './command.ts'
import { writeCount, writeJson, writeTime } from './format.ts'
import { withLocal } from './local.ts'
import { readInteger, readMoment, required } from './read.ts'

const HOUR_MS = 3_600_000
const WEEK_MS = 7 * 24 * HOUR_MS
/** A pico-dollar a token is so many nano-dollars a million tokens. */
const NANO_A_MILLION = 1_000n

export const amortiseCommand: Command = {
  name: 'prices amortise',
  summary: 'Work out what a token costs on machines that are paid by the hour',
  details:
    'What the machines cost in a time, over the tokens that the model read and wrote in it: the price that makes the books of that time come out. Put it into the config, and `weir ledger rerate` for what was booked before. The time is widened to whole hours, and hours in which nobody asked are paid for, too.',
  options: {
    model: { type: 'positional', description: 'The model, as provider/model' },
    hour: { type: 'string', valueHint: 'usd', description: 'Dollars that one machine (a GPU) costs an hour (needed)' },
    machines: { type: 'string', valueHint: 'n', description: 'How many machines. Default: 1' },
    'output-weight': {
      type: 'string',
      valueHint: 'n',
      description: 'How many times an input token’s price an output token has. Default: 4',
    },
    since: { type: 'string', valueHint: 'when', description: 'From then until now: 7d, or a date. Default: 7d' },
    ...DATA_OPTION,
  },
  examples: [
    {
      command: 'weir prices amortise local/qwen3-32b --hour 2.40 --machines 2',
      what: 'the price of last week’s tokens',
    },
  ],
  run: (args, context) => {
    const id = required(args, 'model', true)
    const slash = id.indexOf('/')
    if (slash < 1) throw new UsageError('A model is named as provider/model.')
    const [provider, model] = [id.slice(0, slash), id.slice(slash + 1)]
    const hourNanoUsd = readHour(args) * BigInt(readInteger(args, 'machines', 1, 100_000) ?? 1)
    const outputWeight = readInteger(args, 'output-weight', 1, 1_000) ?? 4
    const now = context.clock.now()
    const to = Math.ceil(now / HOUR_MS) * HOUR_MS
    const from = Math.floor((readMoment(args, 'since', now, 'past') ?? to - WEEK_MS) / HOUR_MS) * HOUR_MS
    return withLocal(args, context, { create: false }, async ({ store }) => {
      const { usage } = totalOf(await store.spend({ by: [], bucket: null, from, to, where: { provider, model } }))
      const hours = (to - from) / HOUR_MS
      const rates = amortise({ hourNanoUsd, hours, usage, outputWeight })
      if (rates === null)
        throw new CliError(
          `${id} read and wrote no tokens since ${writeTime(from)}.`,
          'Choose a longer time with --since.',
        )
      const [input, output] = [formatUsd(rates.input * NANO_A_MILLION), formatUsd(rates.output * NANO_A_MILLION)]
      if (args.flag('json'))
        context.stdout(
          writeJson({
            model: id,
            hours,
            cost_usd: formatUsd(hourNanoUsd * BigInt(hours)),
            input_tokens: inputTokens(usage),
            output_tokens: outputTokens(usage),
            price: { input, output },
          }),
        )
      else
        context.stdout(
          `${writeCount(hours)} hours cost $${formatUsd(hourNanoUsd * BigInt(hours))}, for ${writeCount(inputTokens(usage))} tokens in and ${writeCount(outputTokens(usage))} out.\n\nproviders:\n  ${provider}:\n    models:\n      ${JSON.stringify(model)}: { price: { input: ${input}, output: ${output} } }\n`,
        )
      return EXIT.ok
    })
  },
}

function readHour(args: Arguments): bigint {
  const text = required(args, 'hour')
  const nanoUsd = parseAmount(text.replace(/^\$/, ''))
  if (nanoUsd === null || nanoUsd <= 0n)
    throw new UsageError(`--hour takes dollars above 0 such as 2.40; found ${JSON.stringify(text)}.`)
  return nanoUsd
}
