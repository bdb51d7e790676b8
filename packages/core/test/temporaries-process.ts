/** Makes a temporary file and waits to be killed. */
import { writeFileSync } from 'node:fs'
import { Temporaries } from '../src/temporaries.js'

writeFileSync(await new Temporaries().beside(process.argv[2] as string), 'half')
process.send?.('written')
setInterval(() => {}, 1 << 30)
