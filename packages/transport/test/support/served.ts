import { mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FileVersion, ManagedSource, type Transport, type TransportServer } from '@dyad-ts/core'
import { connect, type Link } from '@dyad-ts/wire'

/** A directory with a file of 1,000,000 bytes, served over rpc. */
export interface Served extends AsyncDisposable {
  readonly storage: string
  readonly version: FileVersion
  readonly server: TransportServer
  readonly url: string
}

export async function serveFile(transport: Transport): Promise<Served> {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'dyad-rpc-')))
  const storage = join(root, 'managed')
  await mkdir(storage)
  await writeFile(join(root, 'secret'), 'secret')
  await writeFile(join(storage, 'file'), Buffer.alloc(1_000_000, 'dyad'))
  await symlink(join(root, 'secret'), join(storage, 'link'))
  const { mtimeNs } = await stat(join(storage, 'file'), { bigint: true })
  const server = await transport.serve(await ManagedSource.open([storage]))
  return {
    storage,
    version: { storage, path: 'file', size: 1_000_000, mtimeNs },
    server,
    url: (JSON.parse(server.address) as { url: string }).url,
    async [Symbol.asyncDispose]() {
      await server.close()
      await rm(root, { recursive: true, force: true })
    },
  }
}

/** A client that sends any bytes. */
export class RawClient implements AsyncDisposable {
  readonly #received: Buffer[] = []
  readonly #closed: Promise<string>
  #link: Link | undefined
  #resolveClosed: (how: string) => void = () => {}
  #ended = false
  #wake: (() => void) | undefined

  private constructor() {
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve
    })
  }

  static async open(url: string): Promise<RawClient> {
    const client = new RawClient()
    client.#link = await connect(url, { audience: url, maxFrameBytes: 8 * 1024 * 1024 }, () => ({
      message: (bytes) => {
        client.#received.push(bytes)
        client.#wake?.()
      },
      closed: (reason) => {
        client.#ended = true
        client.#resolveClosed(reason?.message ?? 'closed')
        client.#wake?.()
      },
    }))
    return client
  }

  send(frame: unknown): void {
    void this.#link?.send(frame)
  }

  /** Resolves with the next message, or with undefined once the server has hung up. */
  async next(): Promise<Buffer | undefined> {
    while (this.#received.length === 0) {
      if (this.#ended) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#received.shift()
  }

  /** Resolves with how the server hung up. */
  closed(): Promise<string> {
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#link?.terminate()
    await this.#closed
  }
}

/** Returns the message of a fetch of the whole file. */
export function fetchOf(version: FileVersion, changed: Record<string, unknown> = {}): Record<string, unknown> {
  return { op: 'fetch', id: 0, ...version, start: 0, end: version.size, chunk: 65_536, credit: 4, ...changed }
}
