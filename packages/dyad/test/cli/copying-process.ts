/** Copies a file, and stops itself once a part of it is written. */
import { watch } from 'node:fs'
import { dirname } from 'node:path'
import { copyTo } from '../../src/cli/destination.js'

const [local = '', destination = ''] = process.argv.slice(2)
watch(dirname(destination), () => process.kill(process.pid, 'SIGSTOP'))
await copyTo(local, destination, new AbortController().signal)
