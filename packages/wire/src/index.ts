/** Authenticated, bounded WebSocket links that carry msgpack frames: what the broker and the rpc transport have in common. */
export { type ConnectOptions, connect } from './connect.js'
export { decode, encode } from './frame.js'
export type { Link, LinkHandlers } from './link.js'
export { type Listener, type ListenOptions, listen } from './listen.js'
