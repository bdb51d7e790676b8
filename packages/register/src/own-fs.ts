import fs from 'node:fs'

/**
 * Calls of node:fs as they were before they are replaced: a named import would follow the
 * replacement.
 */
export const own = {
  closeSync: fs.closeSync,
  fstatSync: fs.fstatSync,
  lstatSync: fs.lstatSync,
  readFileSync: fs.readFileSync,
  readdirSync: fs.readdirSync,
  readlinkSync: fs.readlinkSync,
  realpathSync: fs.realpathSync,
  statSync: fs.statSync,
  writeSync: fs.writeSync,
}
