import { readFileSync } from 'node:fs'

/** Commands of a guide, to be run on these hosts, in a terminal of their own where they wait. */
export interface Step {
  /** Where the block begins, for a person. */
  readonly place: string
  readonly hosts: readonly string[]
  readonly commands: string
  readonly waits: boolean
  /** The lines that the guide prints; `…` stands for any text. */
  readonly expected: readonly string[]
}

/**
 * The steps of a guide in their order: blocks of sh, each below a line such as "On `alpha`:" or
 * "On both:", and the block of text that follows with what they print.
 */
export function stepsOf(path: string, all: readonly string[]): Step[] {
  const steps: Step[] = []
  const text = readFileSync(path, 'utf8')
  let intro = ''
  for (const { index, 0: whole, 1: fence, 2: language, 3: body } of text.matchAll(
    /^(```)(\w*)\n(.*?)^```$|^[^\n]+$/gms,
  )) {
    if (fence === undefined) {
      intro = whole
      continue
    }
    const place = `${path.replace(/^.*\//, '')}:${text.slice(0, index).split('\n').length}`
    const previous = steps.at(-1)
    if (language === 'sh') {
      const [, one, rest] = /^On (both|`[\w-]+`)(.*):$/.exec(intro) ?? []
      if (one === undefined) throw new Error(`${place}: no line says on which host these commands run`)
      const hosts = one === 'both' ? all : [one.slice(1, -1)]
      steps.push({ place, hosts, commands: body ?? '', waits: rest?.includes('waits') ?? false, expected: [] })
    } else if (language === 'text' && previous !== undefined) {
      steps.splice(-1, 1, { ...previous, expected: (body ?? '').trimEnd().split('\n') })
    }
  }
  return steps
}

/** The lines that the guide prints and the commands did not. */
export function missingFrom(output: string, expected: readonly string[]): string[] {
  const lines = output.split('\n').map((line) => line.trim())
  return expected.filter((line) => {
    const pattern = new RegExp(`^${line.split('…').map(escaped).join('.*')}$`)
    return !lines.some((each) => pattern.test(each))
  })
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
