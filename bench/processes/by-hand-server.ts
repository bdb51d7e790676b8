/**
 * What a Node user would write by hand, the serving side: an HTTP server that pipes files of a
 * directory.
 */
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { answer } from './answer.js'

answer({
  listen: (directory: string) =>
    new Promise<number>((resolve, reject) => {
      const server = createServer((request, response) => {
        const source = createReadStream(join(directory, request.url ?? '/'))
        source.once('error', () => response.writeHead(404).end())
        source.once('open', () => source.pipe(response))
      })
      server.once('error', reject)
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
    }),
})
