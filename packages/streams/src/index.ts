/** Streams and file handles over managed directories, as node:fs has them. */
export { DyadFile, type DyadFileOptions } from './file.js'
export type { FileReadStreamOptions, FileWriteStreamOptions } from './file-streams.js'
export type { OpenFlags } from './flags.js'
export type { Listeners } from './listeners.js'
export { DyadReadStream, type DyadReadStreamOptions } from './read-stream.js'
export { DyadWriteStream, type DyadWriteStreamOptions } from './write-stream.js'
