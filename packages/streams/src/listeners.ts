/** The listening methods of an event emitter, for the events that DYAD adds to those of node:fs. */
export interface Listeners<Events extends Record<string, readonly unknown[]>> {
  on<Name extends keyof Events>(event: Name, listener: (...args: [...Events[Name]]) => void): this
  once<Name extends keyof Events>(event: Name, listener: (...args: [...Events[Name]]) => void): this
  addListener<Name extends keyof Events>(event: Name, listener: (...args: [...Events[Name]]) => void): this
  prependListener<Name extends keyof Events>(event: Name, listener: (...args: [...Events[Name]]) => void): this
  prependOnceListener<Name extends keyof Events>(event: Name, listener: (...args: [...Events[Name]]) => void): this
}
