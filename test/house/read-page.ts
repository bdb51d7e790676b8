import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const RUNNER = fileURLToPath(new URL('../../scripts/run-readmes.mjs', import.meta.url))

/** Runs the examples of a page as a reader would; resolves with what was printed. */
export function readPage(page: string, NODE_DEBUG = ''): Promise<{ code: number | null; printed: string }> {
  const env = { ...process.env, NODE_DEBUG }
  const child = spawn(process.execPath, [RUNNER, page], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed += text
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve({ code, printed }))
  })
}
