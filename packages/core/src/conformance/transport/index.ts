export type { ConformanceTest, TransportConformanceOptions } from './contract.js'
export { serveTransportPeer } from './peer.js'
export { transportConformance } from './suite.js'
export { unavailableConformance } from './unavailable.js'
