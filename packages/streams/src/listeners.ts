/** The listener methods of an event emitter, for the events that DYAD adds to those of node:fs. */
export interface Listeners<Events extends Record<string, readonly unknown[]>> {
  /** Calls `listener` at each event of this name. */
  on<Name extends keyof Events>(event: Name, listener: (...args: [...Events[Name]]) => void): this
  /** Calls `listener` at the next event of this name. */
  once<Name extends keyof Events>(event: Name, listener: (...args: [...Events[Name]]) => void): this
  /** Does the same as `on`. */
  addListener<Name extends keyof Events>(event: Name, listener: (...args: [...Events[Name]]) => void): this
  /** Calls `listener` at each event of this name, before the listeners that are there. */
  prependListener<Name extends keyof Events>(event: Name, listener: (...args: [...Events[Name]]) => void): this
  /** Calls `listener` at the next event of this name, before the listeners that are there. */
  prependOnceListener<Name extends keyof Events>(event: Name, listener: (...args: [...Events[Name]]) => void): this
}
