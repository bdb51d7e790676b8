/**
 * What one round of a measure, or of its baseline, found: figures by name, each in the unit of the
 * row that shows it.
 */
export type Values = Readonly<Record<string, number>>

export type Unit = 'MiB/s' | 'files/s' | 'ns' | 'µs' | 'ms' | 's' | 'MiB' | 'B' | 'copies'

/** What a row is to reach: its ratio to the baseline, or the figure itself where it has none. */
export interface Target {
  readonly bound: 'at least' | 'at most'
  readonly value: number
}

/** One line of the table. */
export interface Row {
  readonly title: string
  /** Name of the figure among those of the measure. */
  readonly value: string
  readonly unit: Unit
  /**
   * The baseline's figure that it is divided by, round by round. @default none: the figure stands
   * alone
   */
  readonly against?: { readonly value: string; readonly title: string }
  /** @default none: shown for orientation */
  readonly target?: Target
}
