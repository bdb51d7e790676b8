import fs from 'node:fs'

/**
 * The functions of node:fs before they are replaced. A named import would follow the replacement.
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
