// Makers of models that serve them through an OpenAI-compatible API of their own.
import { CHAT_ONLY, row, WITH_RESPONSES } from './preset.ts'
import type { Preset } from './preset.ts'

const OLD_BOUND = { maxTokensField: 'max_tokens' } as const
/** Thinking models that want their thoughts back, at least within a round of tools. */
const THOUGHTS_BACK = { reasoningField: 'reasoning_content' } as const
/** Pictures are taken as their content only. */
const NO_URLS = { mediaUrls: false } as const
const ANY_JSON = { responseFormat: 'json_object' } as const
/** Mistral answers a field that it does not know with a 422, and takes only tool call ids of its own form. */
const MISTRAL = {
  ...OLD_BOUND,
  // Usage comes in the last chunk unasked; the field that asks for it is unknown there.
  streamUsage: false,
  toolIds: 'nine',
  prefillPath: '/chat/completions',
  refusedFields: ['seed', 'user', 'logit_bias', 'logprobs', 'top_logprobs', 'service_tier', 'verbosity'],
} as const

const COHERE_VARIABLES = ['COHERE_API_KEY', 'CO_API_KEY'] as const
const GEMINI_VARIABLES = ['GEMINI_API_KEY', 'GOOGLE_API_KEY'] as const

export const LAB_PRESETS = {
  openai: row(
    'OpenAI',
    'https://api.openai.com/v1',
    'OPENAI_API_KEY',
    'https://platform.openai.com/docs/api-reference',
    {
      quirks: { developerRole: true, paths: WITH_RESPONSES, batches: true },
      baseUrlEnv: 'OPENAI_BASE_URL',
      priceId: 'openai',
    },
  ),
  anthropic: row(
    'Anthropic',
    'https://api.anthropic.com',
    'ANTHROPIC_API_KEY',
    'https://platform.claude.com/docs/en/api/overview',
    {
      wire: 'anthropic',
      quirks: { modelsPath: '/v1/models', batches: true },
      auth: { type: 'header', header: 'x-api-key', prefix: '' },
      headers: { 'anthropic-version': '2023-06-01' },
      baseUrlEnv: 'ANTHROPIC_BASE_URL',
      priceId: 'anthropic',
    },
  ),
  gemini: row(
    'Google Gemini',
    'https://generativelanguage.googleapis.com/v1beta',
    GEMINI_VARIABLES,
    'https://ai.google.dev/api/generate-content',
    { wire: 'gemini', auth: { type: 'header', header: 'x-goog-api-key', prefix: '' }, priceId: 'google' },
  ),
  'gemini-interactions': row(
    'Google Gemini (Interactions)',
    'https://generativelanguage.googleapis.com/v1beta',
    GEMINI_VARIABLES,
    'https://ai.google.dev/gemini-api/docs/interactions',
    {
      wire: 'gemini-interactions',
      auth: { type: 'header', header: 'x-goog-api-key', prefix: '' },
      priceId: 'google',
      explicit: true,
    },
  ),
  'gemini-openai': row(
    'Google Gemini (OpenAI compatibility)',
    'https://generativelanguage.googleapis.com/v1beta/openai',
    GEMINI_VARIABLES,
    'https://ai.google.dev/gemini-api/docs/openai',
    { quirks: { paths: { completions: null } }, priceId: 'google' },
  ),
  deepseek: row('DeepSeek', 'https://api.deepseek.com', 'DEEPSEEK_API_KEY', 'https://api-docs.deepseek.com', {
    quirks: {
      ...OLD_BOUND,
      ...THOUGHTS_BACK,
      ...ANY_JSON,
      // Only there a beginning of the answer is taken.
      prefillPath: '/beta/chat/completions',
      paths: { completions: '/beta/completions', embeddings: null },
    },
    priceId: 'deepseek',
  }),
  mistral: row('Mistral', 'https://api.mistral.ai/v1', 'MISTRAL_API_KEY', 'https://docs.mistral.ai/api', {
    quirks: { ...MISTRAL, bareModerations: true, batches: true, batchJobs: true, paths: { completions: null } },
    priceId: 'mistral',
  }),
  codestral: row(
    'Mistral Codestral',
    'https://codestral.mistral.ai/v1',
    'CODESTRAL_API_KEY',
    'https://docs.mistral.ai/capabilities/code_generation',
    {
      quirks: { ...MISTRAL, paths: CHAT_ONLY },
      priceId: 'mistral',
    },
  ),
  xai: row('xAI', 'https://api.x.ai/v1', 'XAI_API_KEY', 'https://docs.x.ai/docs/api-reference', {
    quirks: { ...THOUGHTS_BACK, paths: WITH_RESPONSES },
    priceId: 'x-ai',
  }),
  cohere: row('Cohere', 'https://api.cohere.com', COHERE_VARIABLES, 'https://docs.cohere.com/reference/chat', {
    wire: 'cohere',
    // "Blocked output": its content policy.
    outcomes: [{ statuses: [498], outcome: 'filtered' }],
    quirks: { modelsPath: '/v1/models' },
    priceId: 'cohere',
  }),
  'cohere-openai': row(
    'Cohere (OpenAI compatibility)',
    'https://api.cohere.ai/compatibility/v1',
    COHERE_VARIABLES,
    'https://docs.cohere.com/docs/compatibility-api',
    { quirks: { ...OLD_BOUND, streamUsage: false, paths: { completions: null } }, priceId: 'cohere' },
  ),
  perplexity: row(
    'Perplexity',
    'https://api.perplexity.ai',
    ['PERPLEXITY_API_KEY', 'PERPLEXITYAI_API_KEY'],
    'https://docs.perplexity.ai/api-reference/chat-completions-post',
    {
      quirks: { ...OLD_BOUND, streamUsage: false, topK: true, webSearch: 'filter', paths: CHAT_ONLY },
      priceId: 'perplexity',
    },
  ),
  ai21: row(
    'AI21',
    'https://api.ai21.com/studio/v1',
    'AI21_API_KEY',
    'https://docs.ai21.com/reference/jamba-1-6-api-ref',
    {
      quirks: { ...OLD_BOUND, ...ANY_JSON, paths: CHAT_ONLY },
    },
  ),
  moonshot: row('Moonshot', 'https://api.moonshot.ai/v1', 'MOONSHOT_API_KEY', 'https://platform.moonshot.ai/docs', {
    quirks: { ...THOUGHTS_BACK, ...ANY_JSON, ...NO_URLS },
    priceId: 'moonshotai',
  }),
  'moonshot-cn': row(
    'Moonshot (China)',
    'https://api.moonshot.cn/v1',
    ['MOONSHOT_CN_API_KEY', 'MOONSHOT_API_KEY'],
    'https://platform.moonshot.cn/docs',
    { quirks: { ...THOUGHTS_BACK, ...ANY_JSON, ...NO_URLS }, priceId: 'moonshotai' },
  ),
  zai: row('Z.ai', 'https://api.z.ai/api/paas/v4', 'ZAI_API_KEY', 'https://docs.z.ai/api-reference', {
    quirks: { ...OLD_BOUND, ...THOUGHTS_BACK, ...ANY_JSON },
    priceId: 'zai',
  }),
  'zai-coding': row(
    'Z.ai coding plan',
    'https://api.z.ai/api/coding/paas/v4',
    ['ZAI_CODING_API_KEY', 'ZAI_API_KEY'],
    'https://docs.z.ai/devpack/overview',
    { quirks: { ...OLD_BOUND, ...THOUGHTS_BACK, ...ANY_JSON }, priceId: 'zai' },
  ),
  zhipu: row(
    'Zhipu BigModel',
    'https://open.bigmodel.cn/api/paas/v4',
    ['ZHIPU_API_KEY', 'ZHIPUAI_API_KEY'],
    'https://docs.bigmodel.cn',
    { quirks: { ...OLD_BOUND, ...THOUGHTS_BACK, ...ANY_JSON }, priceId: 'zhipuai' },
  ),
  minimax: row('MiniMax', 'https://api.minimax.io/v1', 'MINIMAX_API_KEY', 'https://platform.minimax.io/docs', {
    quirks: { thinkTags: true },
    priceId: 'minimax',
  }),
  'minimax-cn': row(
    'MiniMax (China)',
    'https://api.minimaxi.com/v1',
    ['MINIMAX_CN_API_KEY', 'MINIMAX_API_KEY'],
    'https://platform.minimaxi.com/document',
    { quirks: { thinkTags: true }, priceId: 'minimax' },
  ),
  baichuan: row(
    'Baichuan',
    'https://api.baichuan-ai.com/v1',
    'BAICHUAN_API_KEY',
    'https://platform.baichuan-ai.com/docs/api',
    { quirks: OLD_BOUND },
  ),
  yi: row(
    '01.AI Yi',
    'https://api.lingyiwanwu.com/v1',
    ['YI_API_KEY', 'LINGYIWANWU_API_KEY'],
    'https://platform.lingyiwanwu.com/docs',
    { quirks: OLD_BOUND },
  ),
  stepfun: row('StepFun', 'https://api.stepfun.com/v1', 'STEPFUN_API_KEY', 'https://platform.stepfun.com/docs', {
    quirks: OLD_BOUND,
  }),
  hunyuan: row(
    'Tencent Hunyuan',
    'https://api.hunyuan.cloud.tencent.com/v1',
    'HUNYUAN_API_KEY',
    'https://cloud.tencent.com/document/product/1729/111007',
  ),
  spark: row(
    'iFlytek Spark',
    'https://spark-api-open.xf-yun.com/v1',
    ['SPARK_API_PASSWORD', 'SPARK_API_KEY'],
    'https://www.xfyun.cn/doc/spark/HTTP%E8%B0%83%E7%94%A8%E6%96%87%E6%A1%A3.html',
    { quirks: { ...OLD_BOUND, paths: CHAT_ONLY } },
  ),
  upstage: row('Upstage', 'https://api.upstage.ai/v1', 'UPSTAGE_API_KEY', 'https://console.upstage.ai/docs'),
  inception: row(
    'Inception',
    'https://api.inceptionlabs.ai/v1',
    ['INCEPTION_API_KEY', 'INCEPTIONLABS_API_KEY'],
    'https://docs.inceptionlabs.ai',
  ),
  reka: row('Reka', 'https://api.reka.ai/v1', 'REKA_API_KEY', 'https://docs.reka.ai', { quirks: { paths: CHAT_ONLY } }),
  llama: row(
    'Meta Llama API',
    'https://api.llama.com/compat/v1',
    'LLAMA_API_KEY',
    'https://llama.developer.meta.com/docs',
  ),
  arcee: row('Arcee', 'https://api.arcee.ai/api/v1', 'ARCEE_API_KEY', 'https://docs.arcee.ai', { priceId: 'arcee' }),
  nous: row(
    'Nous Research',
    'https://inference-api.nousresearch.com/v1',
    'NOUS_API_KEY',
    'https://portal.nousresearch.com/api-docs',
  ),
  morph: row('Morph', 'https://api.morphllm.com/v1', 'MORPH_API_KEY', 'https://docs.morphllm.com'),
  sarvam: row('Sarvam', 'https://api.sarvam.ai/v1', 'SARVAM_API_KEY', 'https://docs.sarvam.ai', {
    auth: { type: 'header', header: 'api-subscription-key', prefix: '' },
    quirks: { paths: CHAT_ONLY },
  }),
} as const satisfies Readonly<Record<string, Preset>>
