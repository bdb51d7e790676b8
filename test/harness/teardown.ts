/** What a test needs of tap's `t`. */
export interface Teardown {
  teardown(work: () => unknown): void
}
