/** Median and extremes of a few figures. */
export interface Summary {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** RangeError if there are none. */
export function summarize(values: readonly number[]): Summary {
  return { median: quantile(values, 0.5), min: quantile(values, 0), max: quantile(values, 1) }
}

/**
 * The figure below which the fraction `q` of them lies, interpolated between its neighbours.
 * RangeError if there are none.
 */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const place = (sorted.length - 1) * q
  const below = sorted[Math.floor(place)]
  const above = sorted[Math.ceil(place)]
  if (below === undefined || above === undefined) throw new RangeError('no figures')
  return below + (above - below) * (place - Math.floor(place))
}

export function mean(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('no figures')
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
