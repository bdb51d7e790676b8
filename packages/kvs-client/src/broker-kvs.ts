import { flatOptions, milliseconds, wrongOption } from '@dyad-ts/core/internal'
import { connect } from '@dyad-ts/wire'
import { MAX_FRAME_BYTES } from './broker/frames.js'
import { Connection } from './client/connection.js'
import { BrokerClient } from './client/kvs.js'

/** Options of {@link brokerKvs}. */
export interface BrokerKvsOptions {
  /** Address of the broker: `ws://host:port`, or `wss:` for TLS. */
  url: string
  /** What the broker and this side must both know; it is proved, and not sent. @default none */
  token?: string | undefined
  /** PEM certificates to trust for `wss:` beside the system's. @default the system's alone */
  ca?: string | Buffer | undefined
  /**
   * Ms that the first connection may take; then everything rejects with ERR_DYAD_KVS_UNREACHABLE.
   * @default 10_000
   */
  connectTimeout?: number | undefined
  /**
   * Milliseconds that an answer may take, `waitFor` and `watch` excepted, and that a broker may be
   * silent before it counts as away.
   * @default 30_000
   */
  callTimeout?: number | undefined
}

/**
 * A client of a broker. It connects when it is first used, and again whenever the connection is
 * lost while anything is under way, which it then asks for again. ERR_DYAD_OPTION for a time out of
 * range; other errors are those of the contract, in time ERR_DYAD_KVS_UNREACHABLE and
 * ERR_DYAD_DENIED.
 */
export function brokerKvs(given: BrokerKvsOptions): BrokerClient {
  const options = flatOptions(given)
  const { url, token, ca } = options
  if (!URL.canParse(url)) throw wrongOption('url', url, 'an address as ws://HOST:PORT')
  const connectTimeout = milliseconds('connectTimeout', options.connectTimeout ?? 10_000, 1)
  const callTimeout = milliseconds('callTimeout', options.callTimeout ?? 30_000, 1)
  const linked = { token, ca, maxFrameBytes: MAX_FRAME_BYTES, silentMs: callTimeout }
  const connection = new Connection({
    url,
    dial: (handlersFor, signal) => connect(url, { ...linked, signal }, handlersFor),
    connectTimeout,
    callTimeout,
  })
  return new BrokerClient(url, connection, { crossProcess: true, leases: true, readLeases: true })
}
