/** Runs the program of its arguments as `dyad run` does, without the library. */
import { endAs, inheritedDescriptors, supervise } from '../../src/cli/supervise.js'

const descriptors = inheritedDescriptors()
const [file = '', ...args] = process.argv.slice(2)
endAs(await supervise({ command: file, file, args, env: process.env, descriptors }))
