import type { FileSource, TransportServer } from '@dyad-ts/core'
import { onShortage, Places } from '@dyad-ts/core/internal'
import { type ListenOptions, listen } from '@dyad-ts/wire'
import { writeAddress } from '../address.js'
import { MAX_REQUEST_BYTES } from './frames.js'
import { ServedLink } from './served-link.js'

/** Options of {@link serveRpc}. */
export interface ServeRpcOptions extends Omit<ListenOptions, 'maxFrameBytes' | 'audience' | 'patienceMs'> {
  advertise?: string | undefined
  chunkBytes: number
  /**
   * How long a peer may take to prove itself, and to read on where others need what its transfer
   * holds, in ms. @default 10000
   */
  patienceMs?: number | undefined
}

/** Listens and serves the files of `source` to clients that prove to know the token. */
export async function serveRpc(source: FileSource, options: ServeRpcOptions): Promise<TransportServer> {
  const { advertise, chunkBytes, ...listening } = options
  const places = new Places({ patienceMs: listening.patienceMs })
  const served = { source, places, chunkBytes }
  const links = new Set<ServedLink>()
  let url = ''
  const bounds = { audience: () => url, maxFrameBytes: MAX_REQUEST_BYTES }
  const listener = await listen({ ...listening, ...bounds }, (link) => {
    const handlers = new ServedLink(link, served)
    links.add(handlers)
    return {
      message: (bytes) => handlers.message(bytes),
      closed: () => {
        handlers.closed()
        void handlers.drained().then(() => links.delete(handlers))
      },
    }
  })
  url = listener.url(advertise)
  // A transfer that stands still has its file open.
  const noMoreRelief = onShortage(() => places.reclaim())
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= (async () => {
      noMoreRelief()
      for (const link of links) link.closed()
      await listener.close()
      await Promise.all([...links].map((link) => link.drained()))
    })()
    return closing
  }
  return { address: writeAddress(url), close, [Symbol.asyncDispose]: close }
}
