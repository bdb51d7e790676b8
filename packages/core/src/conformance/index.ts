export * from './kvs/index.js'
export * from './transport/index.js'
