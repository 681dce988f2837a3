/** Path of a source's bundle from the root, or the source itself where there is none and none can be made. */
export function bundled(source: 'src/main.ts' | 'src/cli/main.ts'): string
