import { expect, test } from 'bun:test'
import type { JsonObject } from '../../core/json.ts'
import { geminiSchema } from './schema.ts'

const cases: readonly (readonly [
  what: string,
  schema: JsonObject,
  written: JsonObject,
  dropped?: readonly string[],
])[] = [
  [
    'objects and lists',
    {
      $schema: 'x',
      type: 'object',
      properties: { a: { type: 'string' }, b: { type: 'array', items: { type: 'integer' }, minItems: 1 } },
      required: ['a', 'gone'],
      additionalProperties: false,
    },
    {
      type: 'OBJECT',
      properties: { a: { type: 'STRING' }, b: { type: 'ARRAY', minItems: 1, items: { type: 'INTEGER' } } },
      required: ['a'],
    },
  ],
  ['null as a type', { type: ['string', 'null'] }, { nullable: true, type: 'STRING' }],
  ['null alone', { type: 'null' }, { type: 'NULL' }],
  ['null as a variant', { anyOf: [{ type: 'string' }, { type: 'null' }] }, { type: 'STRING', nullable: true }],
  ['null as a value', { enum: ['a', null] }, { nullable: true, type: 'STRING', enum: ['a'] }],
  [
    'several types',
    { type: ['string', 'number'], minimum: 1, description: 'd' },
    { description: 'd', anyOf: [{ type: 'STRING' }, { type: 'NUMBER', minimum: 1 }] },
  ],
  [
    'variants',
    { oneOf: [{ type: 'string' }, { type: 'boolean' }] },
    { anyOf: [{ type: 'STRING' }, { type: 'BOOLEAN' }] },
  ],
  [
    'variants of an object',
    { type: 'object', properties: { a: {} }, anyOf: [{ required: ['a'] }, { type: 'object' }] },
    { type: 'OBJECT', properties: { a: { type: 'STRING' } }, anyOf: [{}, { type: 'OBJECT' }] },
  ],
  ['a constant', { const: 'x' }, { type: 'STRING', enum: ['x'] }],
  ['a constant number', { const: 7 }, { type: 'INTEGER', description: '(one of: 7)' }],
  ['an empty value', { type: 'string', enum: ['', 'a'] }, { type: 'STRING', description: '(one of: "", "a")' }],
  ['a known format', { type: 'string', format: 'date-time' }, { type: 'STRING', format: 'date-time' }],
  [
    'an unknown format',
    { type: 'string', format: 'uuid', description: 'an id' },
    { type: 'STRING', description: 'an id (format: uuid)' },
  ],
  ['a list of anything', { type: 'array' }, { type: 'ARRAY', items: { type: 'STRING' } }],
  [
    'a tuple',
    { prefixItems: [{ type: 'string' }, { type: 'number' }] },
    { type: 'ARRAY', items: { anyOf: [{ type: 'STRING' }, { type: 'NUMBER' }] } },
    ['prefixItems'],
  ],
  ['an old tuple', { items: [{ type: 'string' }, { type: 'string' }] }, { type: 'ARRAY', items: { type: 'STRING' } }],
  [
    'references',
    {
      $defs: { 'a/b': { type: 'object', properties: { n: { type: 'number' } } } },
      properties: { x: { $ref: '#/$defs/a~1b', description: 'mine' } },
    },
    {
      type: 'OBJECT',
      properties: { x: { type: 'OBJECT', properties: { n: { type: 'NUMBER' } }, description: 'mine' } },
    },
  ],
  [
    'a reference to nowhere',
    { properties: { x: { $ref: 'https://example.com/x.json' } } },
    { type: 'OBJECT', properties: { x: {} } },
    ['$ref'],
  ],
  [
    'all of several',
    {
      $defs: { base: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] } },
      allOf: [{ $ref: '#/$defs/base' }, { properties: { b: { type: 'number' } }, required: ['b'] }],
      description: 'both',
    },
    {
      description: 'both',
      type: 'OBJECT',
      properties: { a: { type: 'STRING' }, b: { type: 'NUMBER' } },
      required: ['a', 'b'],
    },
  ],
  [
    'keywords that have no place',
    {
      type: 'object',
      properties: { a: { type: 'number', multipleOf: 5, exclusiveMinimum: 0 } },
      additionalProperties: { type: 'string' },
      patternProperties: {},
    },
    { type: 'OBJECT', properties: { a: { type: 'NUMBER' } } },
    ['additionalProperties', 'multipleOf', 'exclusiveMinimum', 'patternProperties'],
  ],
]

test.each(cases)('%s', (_, schema, written, dropped = []) => {
  const result = geminiSchema(schema)
  expect(result.schema).toEqual(written)
  expect([...result.dropped].toSorted()).toEqual([...dropped].toSorted())
  expect(result.isRecursive).toBe(false)
})

const tree: JsonObject = {
  $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } },
  $ref: '#/$defs/node',
}
const doubling: JsonObject = {
  $defs: Object.fromEntries(
    Array.from({ length: 20 }, (_, level) => [
      `l${level}`,
      level === 19
        ? { type: 'string' }
        : { properties: { a: { $ref: `#/$defs/l${level + 1}` }, b: { $ref: `#/$defs/l${level + 1}` } } },
    ]),
  ) as JsonObject,
  $ref: '#/$defs/l0',
}
const circle: JsonObject = {
  $defs: { a: { allOf: [{ $ref: '#/$defs/b' }] }, b: { allOf: [{ $ref: '#/$defs/a' }] } },
  allOf: [{ $ref: '#/$defs/a' }],
}

test.each([
  ['refers to itself', tree],
  ['refers to itself through the root', { type: 'object', properties: { child: { $ref: '#' } } }],
  ['grows past all bounds', doubling],
  ['goes in circles by allOf', circle],
])('a schema that %s is recursive', (_, schema) => expect(geminiSchema(schema).isRecursive).toBe(true))
