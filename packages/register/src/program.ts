import type { Stats } from 'node:fs'
import type { StatOfMissing } from '@dyad-ts/core/internal/client-settings'
import type { AgentClient } from './agent/client.js'
import type { AgentAnswer, AgentRequest } from './agent/protocol.js'
import { Links } from './links.js'
import type { ManagedPlaces } from './places.js'
import { RemovedTrees } from './removed-trees.js'
import { sayLine } from './say.js'
import { WrittenDescriptors } from './written.js'

/** The functions that need native code. */
export interface Native {
  /** Sends a request to the agent, and blocks until the answer. */
  ask(request: AgentRequest): AgentAnswer
  /**
   * Returns whether a process of this host has a file open for writing, or undefined if the file
   * system does not support the question.
   */
  hasWriter(path: string): boolean | undefined
}

/** The parts of a program that takes part. */
export interface ProgramParts {
  readonly places: ManagedPlaces
  readonly agent: AgentClient
  readonly native: Native | undefined
  readonly stat: StatOfMissing
  /** Endings of names that calls do not wait for. */
  readonly noWait: readonly string[]
  /** Whether the program prints each failure on stderr. */
  readonly debug: boolean
}

/** A program that takes part through its own node:fs. */
export class Program {
  readonly places: ManagedPlaces
  readonly agent: AgentClient
  readonly native: Native | undefined
  readonly stat: StatOfMissing
  readonly links: Links
  readonly trees = new RemovedTrees()
  readonly written = new WrittenDescriptors()
  readonly #noWait: readonly string[]
  readonly #debug: boolean

  constructor({ places, agent, native, stat, noWait, debug }: ProgramParts) {
    this.places = places
    this.links = new Links(places)
    this.agent = agent
    this.native = native
    this.stat = stat
    this.#noWait = noWait
    this.#debug = debug
  }

  get consumes(): boolean {
    return this.places.consumes
  }

  get produces(): boolean {
    return this.places.produces
  }

  /** Returns true if opens of this name wait until it is published. */
  waitsFor(name: string): boolean {
    return !this.#noWait.some((ending) => name.endsWith(ending))
  }

  /** Prints a failed request, if DYAD_SYNC_DEBUG is set. */
  tell(request: AgentRequest, answer: AgentAnswer): void {
    if (!this.#debug || answer.kind !== 'failed') return
    const name = request.kind === 'move' ? request.from || request.to : request.name
    sayLine(`${name}: ${answer.code}: ${answer.message}`)
  }

  /**
   * Returns true if the file still has a writer: on this host, or, if the system cannot answer,
   * among this thread's own descriptors.
   */
  hasWriter(path: string, stats: Stats): boolean {
    return this.native?.hasWriter(path) ?? this.written.writes(stats)
  }
}
