import { KiB, MiB } from '../part.js'

/**
 * A molecular-dynamics model: bytes of a frame, and the milliseconds that its simulation takes for
 * a step.
 */
export interface MdModel {
  readonly frameBytes: number
  readonly stepMs: number
}

/** The models that DYAD's authors measured with (IPDPS HiCOMB 2024). */
export const MD_MODELS: Readonly<Record<string, MdModel>> = {
  JAC: { frameBytes: Math.round(644.21 * KiB), stepMs: 0.93 },
  ApoA1: { frameBytes: Math.round(2.46 * MiB), stepMs: 2.79 },
  F1: { frameBytes: Math.round(8.75 * MiB), stepMs: 8.64 },
  STMV: { frameBytes: Math.round(28.48 * MiB), stepMs: 29.29 },
}

/** The most milliseconds that the computing of a frame is made to last. */
const LONGEST_COMPUTING = 40

/** How long a frame is computed, and how much shorter that is than it was. */
export function computingOf({ stepMs }: MdModel, stride: number): { milliseconds: number; scale: number } {
  const full = stepMs * stride
  const milliseconds = Math.min(full, LONGEST_COMPUTING)
  return { milliseconds, scale: full / milliseconds }
}
