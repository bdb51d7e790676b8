const SUMMARY = /^# \{ total: (\d+)(.*)\}/

/**
 * Reads what tap's own reporter prints, line by line: says one line for each file that passes, what
 * failed and why for each that does not, and the reason of every skip. Resolves with the counts of
 * test points.
 * @param {AsyncIterable<string>} lines
 * @param {(line: string) => void} say
 */
export async function tapOutcome(lines, say) {
  let block = []
  let files = 0
  let failedFiles = 0
  let counts
  // What follows a failed file explains it, up to the next one.
  let explains = false
  for await (const line of lines) {
    const [, not, file] = /^(not )?ok \d+ - (.*)$/.exec(line) ?? []
    const summary = SUMMARY.exec(line)
    if (file !== undefined) {
      const points = block.filter(isPoint).length
      for (const [, name, reason] of matches(block, /^\s+ok \d+ - (.*?) # SKIP ?(.*)$/))
        say(`skipped: ${name}: ${reason}`)
      files++
      explains = not !== undefined
      if (explains) {
        failedFiles++
        for (const text of block) if (!/^\s+ok \d+/.test(text)) say(text)
        say(`not ok ${file}`)
      } else say(`ok ${file.replace(/ # time=([\d.]+)ms$/, (_, ms) => `, ${seconds(ms)}`)}, ${points} points`)
      block = []
    } else if (summary !== null) {
      counts = { total: Number(summary[1]) }
      for (const [, name, count] of summary[2].matchAll(/(\w+): (\d+)/g)) counts[name] = Number(count)
    } else if (/^ {4}|^$/.test(line) && !explains) block.push(line)
    else if (/^# Subtest/.test(line)) {
      explains = false
      block = []
    } else if (explains && /^ {2}/.test(line)) say(line)
    else if (!/^(TAP version|\d+\.\.\d+|#|$)/.test(line)) say(line)
  }
  if (counts === undefined) say('not ok: tap ended without its counts')
  say(`${files} files`)
  const { pass = 0, fail = 0, skip = 0, todo = 0 } = counts ?? {}
  return { passed: pass, failed: Math.max(fail, failedFiles, counts === undefined ? 1 : 0), skipped: skip + todo }
}

/**
 * Whether a line is a test point; a test that holds none, since it asserts by other means, is one
 * itself, as tap counts.
 */
function isPoint(line, index, block) {
  if (!/^\s+(not )?ok \d+/.test(line)) return false
  return !/ # time=/.test(line) || /^\s+1\.\.0/.test(block[index - 1] ?? '')
}

function matches(lines, pattern) {
  return lines.map((line) => pattern.exec(line)).filter((match) => match !== null)
}

function seconds(ms) {
  return `${(Number(ms) / 1000).toFixed(1)} s`
}
