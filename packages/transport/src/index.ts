/** The transports that need nothing but Node: `local` within a host, `rpc` over WebSocket. */
export { localTransport } from './local/transport.js'
export { type RpcTransportOptions, rpcTransport } from './rpc/transport.js'
