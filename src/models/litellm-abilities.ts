// What LiteLLM's catalogue and configurations call the abilities of a model.
import type { Ability } from '../core/model-facts.ts'

export const LITELLM_ABILITIES: Readonly<Record<string, Ability>> = {
  supports_function_calling: 'tools',
  supports_parallel_function_calling: 'parallel_tools',
  supports_vision: 'vision',
  supports_pdf_input: 'pdf',
  supports_audio_input: 'audio_in',
  supports_video_input: 'video_in',
  supports_audio_output: 'audio_out',
  supports_response_schema: 'json_schema',
  supports_reasoning: 'reasoning',
  supports_prompt_caching: 'caching',
  supports_assistant_prefill: 'prefill',
  supports_web_search: 'web_search',
  supports_computer_use: 'computer_use',
}
