/** Fetches a file of its own over local in a process without /proc. Prints the result as JSON. */
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { ManagedSource } from '@dyad-ts/core'
import { localTransport } from '../../src/index.js'

const [root = ''] = process.argv.slice(2)
const storage = `${root}/served`
mkdirSync(storage)
writeFileSync(`${storage}/x`, 'the content')
const { size, mtimeNs } = statSync(`${storage}/x`, { bigint: true })
await using transport = localTransport({ stateDir: `${root}/state` })
await using server = await transport.serve(await ManagedSource.open([storage]))
const request = { path: 'x', storage, size: Number(size), mtimeNs }
await using transfer = await transport.fetch(server.address, request)
const isCopied = transfer.copyTo !== undefined
const pieces: Buffer[] = []
for await (const piece of transfer) pieces.push(Buffer.from(piece))
console.log(JSON.stringify({ hasProc: existsSync('/proc/self'), isCopied, content: Buffer.concat(pieces).toString() }))
