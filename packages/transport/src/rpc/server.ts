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
   * Milliseconds that a peer has to prove itself, and to read on while others need the resources of
   * its transfer. @default 10000
   */
  patienceMs?: number | undefined
}

/** Serves the files of `source` to clients that prove to know the token. */
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
  // A transfer whose reader stands still keeps its file open.
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
