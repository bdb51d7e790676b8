import { Catalog } from './catalog.js'
import type { Packed } from './packed.js'

/**
 * Replays a log with missing parts. It keeps records of namespaces whose creation cannot be read.
 */
export class ReadableCatalog extends Catalog {
  readonly #removed = new Set<number>()

  override put(id: number, key: string, packed: Packed): void {
    if (!this.entries.has(id) && !this.#removed.has(id)) super.create(id, placeholder(id), '')
    super.put(id, key, packed)
  }

  override create(id: number, name: string, nonce: string): void {
    const known = this.entries.get(id)
    if (known?.name === placeholder(id)) {
      this.entries.set(id, { ...known, name, nonce })
      return
    }
    // A number is reused after its namespace is removed: that removal could not be read.
    if (known !== undefined && known.name !== name) super.remove(id)
    super.create(id, name, nonce)
  }

  override remove(id: number): void {
    this.#removed.add(id)
    super.remove(id)
  }

  /**
   * Gives each namespace a unique name. Of two, the later one keeps the name, since the earlier was
   * removed before. Returns the renamed ones.
   */
  nameApart(): string[] {
    const ids = new Map([...this.entries.values()].map(({ id, name }) => [name, id]))
    for (const entry of this.entries.values()) {
      if (ids.get(entry.name) !== entry.id) this.entries.set(entry.id, { ...entry, name: placeholder(entry.id) })
    }
    return [...this.entries.values()].flatMap(({ id, name }) => (name === placeholder(id) ? [name] : []))
  }
}

function placeholder(id: number): string {
  return `recovered-${id}`
}
