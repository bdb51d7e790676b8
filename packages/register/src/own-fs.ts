import fs from 'node:fs'

/**
 * Calls of node:fs as they were before they are replaced: a named import would follow the
 * replacement.
 */
export const own = {
  open: fs.open,
  fstatSync: fs.fstatSync,
  lstatSync: fs.lstatSync,
  readdirSync: fs.readdirSync,
  readlinkSync: fs.readlinkSync,
  realpathSync: fs.realpathSync,
  statSync: fs.statSync,
}
