/** Where a program runs that nobody changed. */
export interface Place {
  /** Where it writes, or reads. */
  readonly directory: string
  /** What its environment has beside that of the bench. */
  readonly env: NodeJS.ProcessEnv
}

/**
 * The places of a producer and of a consumer, and what makes the opens of one wait for the closes
 * of the other.
 */
export interface World {
  readonly name: string
  readonly producer: Place
  readonly consumer: Place
  /** Prepares for a round, in which all files have new names. */
  begin(): Promise<void>
  /** Empties both directories. */
  clear(): void
}
