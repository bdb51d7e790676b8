const never = new Int32Array(new SharedArrayBuffer(4))

/**
 * Stands still for so many milliseconds, as a simulation does to its process; the work itself would
 * run elsewhere, so the cores stay free.
 */
export function compute(milliseconds: number): void {
  if (milliseconds > 0) Atomics.wait(never, 0, 0, milliseconds)
}
