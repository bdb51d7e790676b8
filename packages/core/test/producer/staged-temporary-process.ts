/**
 * Stages a file, writes it through a descriptor of its own, closes that, and waits; or writes one
 * as whoever it runs as may.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { StoringParents } from '../../src/files/storing-parents.js'
import { Temporaries } from '../../src/files/temporaries.js'
import { StagedTemporary } from '../../src/producer/staged-temporary.js'

const [target = '', mode = ''] = process.argv.slice(2)
const parent = new StoringParents(dirname(target)).enter(dirname(target))
const staged = new StagedTemporary(new Temporaries(), parent, target, Number.parseInt(mode, 8), undefined)
const fd = openSync(staged.path, 'r+')
writeSync(fd, 'content')
closeSync(fd)
process.on('message', () => {
  staged.place(false)
  process.send?.('placed')
})
process.send?.('written')
if (process.send === undefined) staged.place(false)
