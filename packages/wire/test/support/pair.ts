import { type Link, type Listener, type ListenOptions, listen } from '../../src/index.js'

/** Handlers of one end of a link, which keep its messages and its end. */
export class Ear {
  readonly messages: Buffer[] = []
  /** Resolves with the reason, once the link is closed. */
  readonly closed: Promise<Error | undefined>
  #resolve: (reason: Error | undefined) => void = () => {}
  #waiting: { count: number; resolve: () => void } | undefined
  onMessage: (bytes: Buffer) => void = () => {}

  constructor() {
    this.closed = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  get handlers() {
    return {
      message: (bytes: Buffer) => {
        this.messages.push(bytes)
        if (this.#waiting !== undefined && this.messages.length >= this.#waiting.count) this.#waiting.resolve()
        this.onMessage(bytes)
      },
      closed: (reason: Error | undefined) => this.#resolve(reason),
    }
  }

  async received(count: number): Promise<void> {
    if (this.messages.length >= count) return
    await new Promise<void>((resolve) => {
      this.#waiting = { count, resolve }
    })
  }
}

/** Starts a listener that keeps its links and their handlers. */
export async function hear(options: Partial<ListenOptions> = {}) {
  const ears: Ear[] = []
  const links: Link[] = []
  const waiting: (() => void)[] = []
  /** Resolves once `count` links are accepted. */
  const accepted = async (count: number) => {
    while (links.length < count) await new Promise<void>((resolve) => waiting.push(resolve))
  }
  const listener: Listener = await listen({ maxFrameBytes: 1_000_000, ...options }, (link) => {
    const ear = new Ear()
    ears.push(ear)
    links.push(link)
    for (const resolve of waiting.splice(0)) resolve()
    return ear.handlers
  })
  return { listener, ears, links, accepted, first: accepted(1), [Symbol.asyncDispose]: () => listener.close() }
}
