/**
 * A pattern over managed paths as a test: `*` stands for any characters but `/`, `**` for any at all, `?` for one but `/`, `[abc]` and `[!abc]` for one of a set,
 * `{a,b}` for either; a backslash takes the next character as it is. A pattern without any of these names one path.
 */
export function globTest(pattern: string): (path: string) => boolean {
  let source = ''
  let braces = 0
  for (let i = 0; i < pattern.length; i++) {
    const sign = pattern[i] as string
    if (sign === '*') {
      if (pattern[i + 1] === '*') {
        // `**/` also stands for no directory at all.
        const slash = pattern[i + 2] === '/'
        source += slash ? '(?:.*/)?' : '.*'
        i += slash ? 2 : 1
      } else source += '[^/]*'
    } else if (sign === '?') source += '[^/]'
    else if (sign === '{' && pattern.indexOf('}', i) > 0) {
      source += '(?:'
      braces++
    } else if (sign === '}' && braces > 0) {
      source += ')'
      braces--
    } else if (sign === ',' && braces > 0) source += '|'
    else if (sign === '[' && pattern.indexOf(']', i + 2) > 0) {
      const end = pattern.indexOf(']', i + 2)
      const set = pattern.slice(i + 1, end)
      const negated = set.startsWith('!') || set.startsWith('^')
      source += `(?!/)[${negated ? '^' : ''}${(negated ? set.slice(1) : set).replace(/[\\\]^[]/g, '\\$&')}]`
      i = end
    } else if (sign === '\\' && i + 1 < pattern.length) source += literal(pattern[++i] as string)
    else source += literal(sign)
  }
  if (braces > 0) return globTest(pattern.replaceAll('{', '\\{'))
  const expression = new RegExp(`^${source}$`, 'su')
  return (path) => expression.test(path)
}

function literal(sign: string): string {
  return /[\\^$.*+?()[\]{}|/]/.test(sign) ? `\\${sign}` : sign
}
