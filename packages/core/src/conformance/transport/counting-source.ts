import type { FileSource, FileVersion, SourceDirectory, SourceFile } from '../../transfer/contract.js'
import type { Counts } from './contract.js'

/** A source that counts what a transport does with it. */
export class CountingSource implements FileSource {
  readonly #inner: FileSource
  readonly #read: Record<string, number> = {}
  #opened = 0
  #open = 0
  #idle: (() => void)[] = []

  constructor(inner: FileSource) {
    this.#inner = inner
  }

  get directories(): readonly SourceDirectory[] {
    return this.#inner.directories
  }

  async open(version: FileVersion): Promise<SourceFile> {
    const file = await this.#inner.open(version)
    this.#opened++
    this.#open++
    let closing: Promise<void> | undefined
    const close = () => {
      closing ??= file.close().then(() => this.#closed())
      return closing
    }
    return {
      read: async (buffer, position) => {
        const bytes = await file.read(buffer, position)
        this.#read[version.path] = (this.#read[version.path] ?? 0) + bytes
        return bytes
      },
      verify: () => file.verify(),
      close,
      [Symbol.asyncDispose]: close,
    }
  }

  counts(): Counts {
    return { opened: this.#opened, open: this.#open, read: { ...this.#read } }
  }

  async idle(): Promise<void> {
    if (this.#open === 0) return
    await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  #closed(): void {
    if (--this.#open > 0) return
    for (const resolve of this.#idle.splice(0)) resolve()
  }
}
