/** Authenticated, bounded WebSocket links that carry msgpack frames: what the broker and the rpc transport have in common. */
export { authority, type BindOptions, bind } from './bind.js'
export { type ConnectOptions, connect } from './connect.js'
export { decode, encode } from './frame.js'
export type { Link, LinkHandlers } from './link.js'
export { type Listener, type ListenOptions, listen } from './listen.js'
export { digestOf, isSameDigest } from './secret.js'
