import { CompletionChannel } from '../verbs/completions.js'
import type { CmId } from '../verbs/connection-manager.js'
import { Context } from '../verbs/context.js'
import { hasMemoryWindows, maxMessageOf } from '../verbs/devices.js'
import { VerbError } from '../verbs/faults.js'
import { type Pointer, unavailable, type Verbs } from '../verbs/library.js'
import { MemoryWindow } from '../verbs/memory.js'
import { Slabs } from './slabs.js'

/** The parts that all connections of one side over one device share. */
export class Adapter implements Disposable {
  readonly context: Context
  readonly channel: CompletionChannel
  readonly slabs: Slabs
  /** Longest write, in bytes. */
  readonly maxMessage: number
  readonly #windows: MemoryWindow[] = []

  /** ERR_DYAD_RDMA_UNAVAILABLE if the device lacks something, or memory cannot be locked. */
  constructor(verbs: Verbs, device: Pointer, port: number, busyMs: number) {
    if (!hasMemoryWindows(verbs, device)) throw unavailable('the device has no memory windows of type 2')
    this.maxMessage = maxMessageOf(verbs, device, port)
    this.context = new Context(verbs, device)
    let slabs: Slabs | undefined
    try {
      slabs = new Slabs(this.context)
      this.slabs = slabs
      this.channel = new CompletionChannel(this.context, busyMs)
    } catch (error) {
      slabs?.[Symbol.dispose]()
      this.context[Symbol.dispose]()
      throw error
    }
  }

  /** Returns an unbound window. The caller gives it back with `giveWindow`. */
  takeWindow(): MemoryWindow {
    return this.#windows.pop() ?? new MemoryWindow(this.context)
  }

  giveWindow(window: MemoryWindow): void {
    this.#windows.push(window)
  }

  /** Frees everything. All connections must be gone. */
  [Symbol.dispose](): void {
    for (const window of this.#windows.splice(0)) window[Symbol.dispose]()
    this.channel[Symbol.dispose]()
    this.slabs[Symbol.dispose]()
    this.context[Symbol.dispose]()
  }
}

/** The adapters of one side, by device. */
export class Adapters implements Disposable {
  readonly #verbs: Verbs
  readonly #busyMs: number
  readonly #byDevice = new Map<Pointer, Adapter>()
  #isHeld = true

  constructor(verbs: Verbs, busyMs: number) {
    this.#verbs = verbs
    this.#busyMs = busyMs
  }

  /** Returns the adapter of the device that `id` is bound to. ERR_DYAD_RDMA_UNAVAILABLE. */
  of(id: CmId): Adapter {
    const device = id.device
    if (device === undefined) throw unavailable('the address is no verbs device’s')
    let adapter = this.#byDevice.get(device)
    if (adapter === undefined) {
      try {
        adapter = new Adapter(this.#verbs, device, id.devicePort, this.#busyMs)
      } catch (cause) {
        throw cause instanceof VerbError ? unavailable(cause.message, cause) : cause
      }
      adapter.channel.hold(this.#isHeld)
      this.#byDevice.set(device, adapter)
    }
    return adapter
  }

  /** Sets whether the adapters keep the process alive. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    for (const { channel } of this.#byDevice.values()) channel.hold(isHeld)
  }

  [Symbol.dispose](): void {
    for (const adapter of this.#byDevice.values()) adapter[Symbol.dispose]()
    this.#byDevice.clear()
  }
}
