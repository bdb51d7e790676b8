import { type FileSource, Places, type TransportServer } from '@dyad/core'
import { type ListenOptions, listen } from '@dyad/wire'
import { writeAddress } from '../address.js'
import { MAX_REQUEST_BYTES } from './frames.js'
import { ServedLink } from './served-link.js'

/** Options of {@link serveRpc}. */
export interface ServeRpcOptions extends Omit<ListenOptions, 'maxFrameBytes' | 'audience'> {
  advertise?: string | undefined
  chunkBytes: number
}

/** Listens and serves the files of `source` to whoever proves to know the token. */
export async function serveRpc(source: FileSource, options: ServeRpcOptions): Promise<TransportServer> {
  const { advertise, chunkBytes, ...listening } = options
  const served = { source, places: new Places(), chunkBytes }
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
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= (async () => {
      for (const link of links) link.closed()
      await listener.close()
      await Promise.all([...links].map((link) => link.drained()))
    })()
    return closing
  }
  return { address: writeAddress(url), close, [Symbol.asyncDispose]: close }
}
