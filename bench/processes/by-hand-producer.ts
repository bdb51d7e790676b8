/**
 * What a Node user would write by hand, the producing side: writes each file under another name
 * until it is whole.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type BenchFile, contentsOf } from '../contents.js'
import { answer } from './answer.js'
import { compute } from './compute.js'

answer({
  /** Computes and writes frame by frame; tells the milliseconds in the calls that write. */
  async simulate(directory: string, files: BenchFile[], computing: number) {
    let writing = 0
    for (const file of files) {
      const bytes = contentsOf(file)
      compute(computing)
      const began = performance.now()
      const target = join(directory, file.path)
      await mkdir(dirname(target), { recursive: true })
      await writeFile(`${target}.part`, bytes)
      await rename(`${target}.part`, target)
      writing += performance.now() - began
    }
    return writing
  },
})
