/**
 * The transports that need nothing but Node: `local` within a host, `tcp` between hosts, `rpc`
 * between hosts that only WebSocket connects.
 */
export { type LocalTransportOptions, localTransport } from './local/transport.js'
export type { NetworkOptions } from './network-options.js'
export { type RpcTransportOptions, rpcTransport } from './rpc/transport.js'
export { type TcpTransportOptions, tcpTransport } from './tcp/transport.js'
