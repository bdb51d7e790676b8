/** Implementations of the KvsClient contract, and the embedded broker. */
export type { Awaited, BrokerStats } from './broker/messages.js'
export { type Broker, type BrokerOptions, startBroker } from './broker/start.js'
export { type BrokerKvsOptions, brokerKvs } from './broker-kvs.js'
export type { BrokerClient } from './client/kvs.js'
export { type MemoryKvsOptions, MemoryStore, memoryKvs } from './memory-kvs.js'
export { type Repair, repairLog } from './records/repair.js'
