export { type BrokenKvs, brokenKvs } from './broken.js'
export type { KvsConformanceOptions, KvsSite } from './contract.js'
export { serveKvsPeer } from './peer.js'
export { kvsConformance } from './suite.js'
