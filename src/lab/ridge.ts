// Least squares with a penalty on the size of the weights, for many targets at once, by conjugate gradients on sparse rows.

/** Sparse rows: row r holds the entries `start[r]` to `start[r + 1]`. */
export type Design = {
  readonly start: Int32Array
  readonly index: Int32Array
  readonly value: Float32Array
  readonly dimension: number
}

export type SparseRow = { readonly index: Int32Array; readonly value: Float32Array }

export function designOf(rows: readonly SparseRow[], dimension: number): Design {
  const start = new Int32Array(rows.length + 1)
  rows.forEach((row, position) => (start[position + 1] = start[position]! + row.index.length))
  const index = new Int32Array(start.at(-1)!)
  const value = new Float32Array(index.length)
  rows.forEach((row, position) => {
    index.set(row.index, start[position])
    value.set(row.value, start[position])
  })
  return { start, index, value, dimension }
}

/** Steps after which more precision buys nothing that a held-out row would notice. */
const MAX_STEPS = 12
const PRECISION = 1e-3

/**
 * Weights, `dimension` × `penalties.length`, row-major, that minimise Σ (target − row · weights)² + penalty · |weights|² for
 * each column by itself. `targets` is row-major, rows × columns; NaN: nothing is known there.
 */
export function solveRidge(design: Design, targets: Float32Array, penalties: readonly number[]): Float32Array {
  const columns = penalties.length
  const size = design.dimension * columns
  const weights = new Float32Array(size)
  const residual = transposed(design, targets, columns)
  const direction = residual.slice()
  let norms = columnNorms(residual, columns)
  const enough = norms.map((norm) => norm * PRECISION * PRECISION)
  for (let step = 0; step < MAX_STEPS; step++) {
    const image = curvature(design, direction, targets, columns)
    const bend = new Float64Array(columns)
    for (let at = 0; at < size; at += columns)
      for (let column = 0; column < columns; column++) {
        const bent = (image[at + column]! += penalties[column]! * direction[at + column]!)
        bend[column]! += bent * direction[at + column]!
      }
    const length = norms.map((norm, column) => (bend[column]! > 0 ? norm / bend[column]! : 0))
    for (let at = 0; at < size; at += columns)
      for (let column = 0; column < columns; column++) {
        weights[at + column]! += length[column]! * direction[at + column]!
        residual[at + column]! -= length[column]! * image[at + column]!
      }
    const next = columnNorms(residual, columns)
    if (next.every((norm, column) => norm <= enough[column]!)) break
    const keep = next.map((norm, column) => (norms[column]! > 0 ? norm / norms[column]! : 0))
    for (let at = 0; at < size; at += columns)
      for (let column = 0; column < columns; column++)
        direction[at + column] = residual[at + column]! + keep[column]! * direction[at + column]!
    norms = next
  }
  return weights
}

/** Adds row · weights to `into`, one value a column. */
export function addProduct(row: SparseRow, weights: Float32Array, into: Float64Array): void {
  const columns = into.length
  for (let entry = 0; entry < row.index.length; entry++) {
    const base = row.index[entry]! * columns
    const value = row.value[entry]!
    for (let column = 0; column < columns; column++) into[column]! += weights[base + column]! * value
  }
}

function transposed({ start, index, value, dimension }: Design, targets: Float32Array, columns: number): Float32Array {
  const into = new Float32Array(dimension * columns)
  for (let row = 0; row + 1 < start.length; row++)
    for (let entry = start[row]!; entry < start[row + 1]!; entry++)
      for (let column = 0; column < columns; column++) {
        const target = targets[row * columns + column]!
        if (target === target) into[index[entry]! * columns + column]! += value[entry]! * target
      }
  return into
}

/** Rowsᵀ · rows · direction, where a column counts only the rows whose target is known. */
function curvature(design: Design, direction: Float32Array, targets: Float32Array, columns: number): Float32Array {
  const { start, index, value } = design
  const into = new Float32Array(direction.length)
  const product = new Float64Array(columns)
  for (let row = 0; row + 1 < start.length; row++) {
    const end = start[row + 1]!
    product.fill(0)
    for (let entry = start[row]!; entry < end; entry++) {
      const base = index[entry]! * columns
      const x = value[entry]!
      for (let column = 0; column < columns; column++) product[column]! += direction[base + column]! * x
    }
    for (let column = 0; column < columns; column++)
      if (Number.isNaN(targets[row * columns + column])) product[column] = 0
    for (let entry = start[row]!; entry < end; entry++) {
      const base = index[entry]! * columns
      const x = value[entry]!
      for (let column = 0; column < columns; column++) into[base + column]! += product[column]! * x
    }
  }
  return into
}

function columnNorms(values: Float32Array, columns: number): Float64Array {
  const norms = new Float64Array(columns)
  for (let at = 0; at < values.length; at += columns)
    for (let column = 0; column < columns; column++) norms[column]! += values[at + column]! ** 2
  return norms
}
