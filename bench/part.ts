import type { ComparisonOutcome } from './outcome.js'
import type { Row, Values } from './row.js'
import type { Site } from './site.js'

/** What is measured in turns, once all is prepared. Both leave the directory as they found it. */
export interface Rounds {
  /** One round of what the measure is compared with. @default none */
  baseline?(): Promise<Values>
  measure(): Promise<Values>
  /** Says what the baseline is where it is not what its rows announce. */
  readonly baselineTitle?: string | undefined
  /**
   * Whether the baseline stands in for another, which the targets are multiples of: nothing is
   * judged then. @default false
   */
  readonly standsIn?: boolean
}

/** A measure with its baseline; gives one row or several. */
export interface Comparison {
  readonly title: string
  readonly rows: readonly Row[]
  /**
   * Whether a round that does not count comes first, in which code is compiled and connections are
   * made. @default true
   */
  readonly warmsUp?: boolean
  /** Bytes that it needs in the working directory at once. */
  readonly needs: number
  /**
   * Starts the processes and makes the files; the site ends and removes them. NotAvailable if what
   * is to be measured cannot be done here.
   */
  prepare(site: Site): Promise<Rounds>
}

/** What can be run alone. */
export interface Part {
  /** Its name on the command line. */
  readonly name: string
  readonly title: string
  comparisons(form: Form): readonly Comparison[]
  /**
   * Shows its outcome as a table of its own. @default its rows are among those of the common table
   */
  table?(outcomes: readonly ComparisonOutcome[]): string
}

/** How large everything is. */
export interface Form {
  /** Tiny sizes and few rounds: only whether it works, with every byte checked. */
  readonly quick: boolean
  /** Files that a consumer reads at a time. */
  readonly concurrency: number
  /** Where DYAD in C is installed. @default none: plain baselines stand in for it */
  readonly dyad: string | undefined
  /** Of the molecular-dynamics workflow. */
  readonly md: MdForm
}

export interface MdForm {
  readonly models: readonly string[]
  readonly pairs: readonly number[]
  readonly strides: readonly number[]
  readonly frames: number
}

/**
 * This version of DYAD, or this host, lacks something that a measurement needs. The message names
 * it.
 */
export class NotAvailable extends Error {
  override readonly name = 'NotAvailable'
}

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB
