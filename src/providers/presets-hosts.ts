// Inference hosts: other people's models, served through an OpenAI-compatible API.
import { CHAT_ONLY, row } from './preset.ts'
import type { Preset } from './preset.ts'

const OLD_BOUND = { maxTokensField: 'max_tokens' } as const

export const HOST_PRESETS = {
  groq: row('Groq', 'https://api.groq.com/openai/v1', 'GROQ_API_KEY', 'https://console.groq.com/docs/api-reference', {
    quirks: {
      refusedFields: ['logprobs', 'top_logprobs', 'logit_bias'],
      paths: { ...CHAT_ONLY, audio: '/audio' },
      batches: true,
    },
    // Its flex tier is full: like any other limit.
    outcomes: [{ statuses: [498], outcome: 'rate_limited' }],
    priceId: 'groq',
  }),
  together: row(
    'Together AI',
    'https://api.together.xyz/v1',
    ['TOGETHER_API_KEY', 'TOGETHERAI_API_KEY'],
    'https://docs.together.ai/reference',
    { quirks: { ...OLD_BOUND, topK: true }, priceId: 'together' },
  ),
  fireworks: row(
    'Fireworks AI',
    'https://api.fireworks.ai/inference/v1',
    ['FIREWORKS_API_KEY', 'FIREWORKS_AI_API_KEY'],
    'https://docs.fireworks.ai/api-reference',
    { quirks: { topK: true }, priceId: 'fireworks' },
  ),
  cerebras: row('Cerebras', 'https://api.cerebras.ai/v1', 'CEREBRAS_API_KEY', 'https://inference-docs.cerebras.ai', {
    quirks: { paths: { embeddings: null } },
    priceId: 'cerebras',
  }),
  nvidia: row(
    'NVIDIA NIM',
    'https://integrate.api.nvidia.com/v1',
    ['NVIDIA_API_KEY', 'NVIDIA_NIM_API_KEY'],
    'https://docs.api.nvidia.com/nim/reference',
    { quirks: OLD_BOUND },
  ),
  sambanova: row('SambaNova', 'https://api.sambanova.ai/v1', 'SAMBANOVA_API_KEY', 'https://docs.sambanova.ai'),
  nebius: row(
    'Nebius Token Factory',
    'https://api.tokenfactory.nebius.com/v1',
    'NEBIUS_API_KEY',
    'https://docs.tokenfactory.nebius.com/api-reference/introduction',
  ),
  novita: row('Novita', 'https://api.novita.ai/openai/v1', 'NOVITA_API_KEY', 'https://novita.ai/docs', {
    priceId: 'novita',
  }),
  deepinfra: row(
    'DeepInfra',
    'https://api.deepinfra.com/v1/openai',
    ['DEEPINFRA_API_KEY', 'DEEPINFRA_TOKEN'],
    'https://deepinfra.com/docs/openai_api',
    { quirks: OLD_BOUND },
  ),
  hyperbolic: row('Hyperbolic', 'https://api.hyperbolic.xyz/v1', 'HYPERBOLIC_API_KEY', 'https://docs.hyperbolic.xyz'),
  lambda: row('Lambda', 'https://api.lambda.ai/v1', 'LAMBDA_API_KEY', 'https://docs.lambda.ai'),
  lepton: row(
    'Lepton',
    'https://{deployment}.lepton.run/api/v1',
    ['LEPTON_API_KEY', 'LEPTONAI_API_KEY'],
    'https://docs.nvidia.com/dgx-cloud/lepton',
  ),
  featherless: row(
    'Featherless',
    'https://api.featherless.ai/v1',
    ['FEATHERLESS_API_KEY', 'FEATHERLESS_AI_API_KEY'],
    'https://featherless.ai/docs',
  ),
  friendli: row(
    'Friendli',
    'https://api.friendli.ai/serverless/v1',
    ['FRIENDLI_TOKEN', 'FRIENDLI_API_KEY'],
    'https://friendli.ai/docs',
  ),
  'inference-net': row(
    'Inference.net',
    'https://api.inference.net/v1',
    'INFERENCE_API_KEY',
    'https://docs.inference.net',
  ),
  venice: row('Venice', 'https://api.venice.ai/api/v1', 'VENICE_API_KEY', 'https://docs.venice.ai'),
  chutes: row('Chutes', 'https://llm.chutes.ai/v1', ['CHUTES_API_KEY', 'CHUTES_API_TOKEN'], 'https://chutes.ai/docs'),
  parasail: row('Parasail', 'https://api.parasail.io/v1', 'PARASAIL_API_KEY', 'https://docs.parasail.io'),
  baseten: row(
    'Baseten Model APIs',
    'https://inference.baseten.co/v1',
    'BASETEN_API_KEY',
    'https://docs.baseten.co/development/model-apis/overview',
    { priceId: 'baseten' },
  ),
  siliconflow: row(
    'SiliconFlow',
    'https://api.siliconflow.com/v1',
    'SILICONFLOW_API_KEY',
    'https://docs.siliconflow.com',
    { quirks: OLD_BOUND },
  ),
  'siliconflow-cn': row(
    'SiliconFlow (China)',
    'https://api.siliconflow.cn/v1',
    ['SILICONFLOW_CN_API_KEY', 'SILICONFLOW_API_KEY'],
    'https://docs.siliconflow.cn',
    { quirks: OLD_BOUND },
  ),
  modelscope: row(
    'ModelScope',
    'https://api-inference.modelscope.cn/v1',
    'MODELSCOPE_API_KEY',
    'https://modelscope.cn/docs/model-service/API-Inference/intro',
  ),
  infini: row('Infini-AI', 'https://cloud.infini-ai.com/maas/v1', 'INFINI_API_KEY', 'https://docs.infini-ai.com'),
  nscale: row(
    'Nscale',
    'https://inference.api.nscale.com/v1',
    ['NSCALE_SERVICE_TOKEN', 'NSCALE_API_KEY'],
    'https://docs.nscale.com',
  ),
  'gmi-cloud': row('GMI Cloud', 'https://api.gmi-serving.com/v1', 'GMI_API_KEY', 'https://docs.gmicloud.ai'),
  wandb: row('W&B Inference', 'https://api.inference.wandb.ai/v1', 'WANDB_API_KEY', 'https://docs.wandb.ai/inference', {
    explicit: true,
  }),
  huggingface: row(
    'Hugging Face router',
    'https://router.huggingface.co/v1',
    ['HF_TOKEN', 'HUGGINGFACE_API_KEY'],
    'https://huggingface.co/docs/inference-providers',
    { explicit: true },
  ),
  'ollama-cloud': row('Ollama Cloud', 'https://ollama.com/v1', 'OLLAMA_API_KEY', 'https://docs.ollama.com/cloud', {
    quirks: OLD_BOUND,
  }),
  avian: row('Avian', 'https://api.avian.io/v1', 'AVIAN_API_KEY', 'https://avian.io/docs', { priceId: 'avian' }),
  'io-intelligence': row(
    'IO Intelligence',
    'https://api.intelligence.io.solutions/api/v1',
    'IOINTELLIGENCE_API_KEY',
    'https://docs.io.net/docs/io-intelligence',
  ),
  kluster: row('kluster.ai', 'https://api.kluster.ai/v1', 'KLUSTER_API_KEY', 'https://docs.kluster.ai'),
  crusoe: row('Crusoe', 'https://api.crusoe.ai/v1', 'CRUSOE_API_KEY', 'https://docs.crusoecloud.com'),
} as const satisfies Readonly<Record<string, Preset>>
