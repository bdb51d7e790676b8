export * from './errors.js'
export * from './kvs/contract.js'
export * from './transfer/contract.js'
