/**
 * The transports that need nothing but Node: `local` within a host, `tcp` between hosts, `rpc` over
 * WebSocket where only that gets through.
 */
export { type LocalTransportOptions, localTransport } from './local/transport.js'
export { type RpcTransportOptions, rpcTransport } from './rpc/transport.js'
export { type TcpTransportOptions, tcpTransport } from './tcp/transport.js'
