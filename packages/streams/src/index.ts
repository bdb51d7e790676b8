/** Streams and file handles of node:fs over managed directories. */
export { DyadFile, type DyadFileOptions } from './file.js'
export type { FileReadStreamOptions, FileWriteStreamOptions } from './file-streams.js'
export type { OpenFlags } from './flags.js'
export type { Listeners } from './listeners.js'
export { DyadReadStream, type DyadReadStreamOptions } from './read-stream.js'
export { DyadWriteStream, type DyadWriteStreamOptions } from './write-stream.js'
