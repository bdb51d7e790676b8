import { flatOptions, milliseconds, wrongOption } from '@dyad-ts/core/internal'
import { connect } from '@dyad-ts/wire'
import { MAX_FRAME_BYTES } from './broker/frames.js'
import { Connection } from './client/connection.js'
import { BrokerClient } from './client/kvs.js'

/** Options of {@link brokerKvs}. */
export interface BrokerKvsOptions {
  /** Address of the broker: `ws://host:port`, or `wss:` for TLS. */
  url: string
  /**
   * The secret that the broker and the client share. Each end proves it and never sends it.
   * @default none
   */
  token?: string | undefined
  /**
   * PEM certificates to trust for `wss:` in addition to the system's. @default the system's alone
   */
  ca?: string | Buffer | undefined
  /**
   * Longest time for the first connection, in ms. After it, calls reject with
   * ERR_DYAD_KVS_UNREACHABLE.
   * @default 10_000
   */
  connectTimeout?: number | undefined
  /**
   * Longest time for an answer, in ms, except of `waitFor` and `watch`. A broker that is silent for
   * longer counts as away.
   * @default 30_000
   */
  callTimeout?: number | undefined
}

/**
 * Returns a client of a broker. It connects at its first use. If the connection is lost while calls
 * are under way, it connects again and repeats them. ERR_DYAD_OPTION for a time out of range. Other
 * errors are those of the contract, with ERR_DYAD_KVS_UNREACHABLE and ERR_DYAD_DENIED in time.
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
