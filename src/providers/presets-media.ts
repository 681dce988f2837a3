// Makers of pictures, sound and vectors: hosts that do not chat, each with a format of its own.
import { row } from './preset.ts'
import type { Preset } from './preset.ts'

export const MEDIA_PRESETS = {
  voyage: row('Voyage', 'https://api.voyageai.com/v1', 'VOYAGE_API_KEY', 'https://docs.voyageai.com/reference', {
    wire: 'voyage',
    priceId: 'voyageai',
  }),
  jina: row('Jina', 'https://api.jina.ai/v1', 'JINA_API_KEY', 'https://jina.ai/embeddings', { wire: 'jina' }),
  elevenlabs: row(
    'ElevenLabs',
    'https://api.elevenlabs.io/v1',
    ['ELEVENLABS_API_KEY', 'ELEVEN_API_KEY'],
    'https://elevenlabs.io/docs/api-reference',
    { wire: 'elevenlabs', auth: { type: 'header', header: 'xi-api-key', prefix: '' } },
  ),
  deepgram: row(
    'Deepgram',
    'https://api.deepgram.com/v1',
    'DEEPGRAM_API_KEY',
    'https://developers.deepgram.com/reference',
    { wire: 'deepgram', auth: { type: 'header', header: 'authorization', prefix: 'Token ' } },
  ),
  assemblyai: row(
    'AssemblyAI',
    'https://api.assemblyai.com/v2',
    'ASSEMBLYAI_API_KEY',
    'https://www.assemblyai.com/docs/api-reference',
    {
      wire: 'assemblyai',
      auth: { type: 'header', header: 'authorization', prefix: '' },
      quirks: { modelsPath: '/transcript?limit=1' },
    },
  ),
  stability: row(
    'Stability AI',
    'https://api.stability.ai',
    'STABILITY_API_KEY',
    'https://platform.stability.ai/docs/api-reference',
    { wire: 'stability', quirks: { modelsPath: '/v1/user/account' } },
  ),
  replicate: row(
    'Replicate',
    'https://api.replicate.com/v1',
    'REPLICATE_API_TOKEN',
    'https://replicate.com/docs/reference/http',
    { wire: 'replicate' },
  ),
  fal: row('fal', 'https://fal.run', ['FAL_KEY', 'FAL_API_KEY'], 'https://docs.fal.ai/model-apis', {
    wire: 'fal',
    auth: { type: 'header', header: 'authorization', prefix: 'Key ' },
  }),
} as const satisfies Readonly<Record<string, Preset>>
