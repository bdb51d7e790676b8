/** Judges how fast an owner sends, only by the time that this side has waited for it. */
export class LeastRate {
  readonly #bytesPerSecond: number
  #bytes = 0
  #waited = 0

  /** @param bytesPerSecond what an owner has to keep up; 0 lets it take any time */
  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Milliseconds waited since the owner kept the rate last. */
  get behind(): number {
    return this.#waited
  }

  /** The owner was waited for, for so many ms. */
  waited(ms: number): void {
    this.#waited += ms
  }

  /** So many bytes came: whether the owner keeps the rate; if so, judging begins anew. */
  keeps(bytes: number): boolean {
    this.#bytes += bytes
    if (this.#bytes * 1_000 < this.#bytesPerSecond * this.#waited) return false
    this.restart()
    return true
  }

  /** Judging begins anew. */
  restart(): void {
    this.#bytes = 0
    this.#waited = 0
  }

  /** The complaint about an owner after `waiting` more ms in vain, as a clause for a person. */
  complaint(waiting: number): string {
    const waited = Math.round(this.#waited + waiting)
    if (this.#bytes === 0) return `it stood still for ${waited} ms; DYAD_PROGRESS_TIMEOUT bounds that`
    const rate = ((this.#bytes * 1_000) / waited).toFixed(1)
    return `it sent ${rate} bytes a second for ${waited} ms; DYAD_LEAST_RATE is ${this.#bytesPerSecond}`
  }
}
