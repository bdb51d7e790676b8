import workers from 'node:worker_threads'
import { changeForChildren, isPreloadable, preloadedBy } from '@dyad-ts/core/internal/client-settings'
import { preloadLibrary } from '@dyad-ts/native'

/** A specifier that loads this package, and that Node resolves from the working directory. */
const BARE = '@dyad-ts/dyad/register'

/** The same in NODE_OPTIONS, with or without quotes. */
const BARE_OPTION = /"?--import"?(?:=| +)"?@dyad-ts\/dyad\/register"?(?=\s|$)/g

/**
 * Lets children and threads take part that get this process's environment, whatever their working
 * directory and their options. Children that are not Node take part through the preload library, if
 * it is built.
 * @param url the value of `--import`
 */
export function letInherit(url: string): void {
  const option = `--import=${url}`
  changeForChildren('NODE_OPTIONS', (given) => {
    const options = given.replaceAll(BARE_OPTION, option)
    return options.includes(option) ? options : `${options} ${option}`.trim()
  })
  const library = preloadLibrary()
  if (library !== undefined && isPreloadable(library)) {
    changeForChildren('LD_PRELOAD', (given) => preloadedBy(library, given))
  }
  const { execArgv } = process
  for (const [index, arg] of execArgv.entries()) {
    if (arg === `--import=${BARE}`) execArgv[index] = option
    else if (arg === BARE && execArgv[index - 1] === '--import') execArgv[index] = url
  }
  const { Worker } = workers
  workers.Worker = class extends Worker {
    constructor(file: string | URL, options?: workers.WorkerOptions) {
      super(file, withRegister(options, option))
    }
  }
  Object.defineProperty(workers.Worker, 'name', { value: Worker.name, configurable: true })
}

/** A thread gets the options of its process unless the program gives it others. */
function withRegister(options: workers.WorkerOptions | undefined, option: string): workers.WorkerOptions | undefined {
  const { execArgv } = Object(options)
  return Array.isArray(execArgv) ? { ...options, execArgv: [option, ...execArgv] } : options
}
