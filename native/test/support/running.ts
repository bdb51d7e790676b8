import type { ChildProcess } from 'node:child_process'

/** How a program ended, and what it said. */
export interface Ended {
  status: number | null
  signal: NodeJS.Signals | null
  stdout: string
  stderr: string
}

/** A program that runs. */
export interface Running {
  child: ChildProcess
  ended: Promise<Ended>
}
