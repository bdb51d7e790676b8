/** Runs the work of a session so that nothing stands between it and node:fs. */
export type Aside = <Result>(work: () => Result) => Result

let aside: Aside | undefined

/** Sets how sessions run their work in a program whose own node:fs takes part, too. */
export function letSessionsStandAside(how: Aside): void {
  aside = how
}

/** Runs a session's own work. */
export function standingAside<Result>(work: () => Result): Result {
  return aside === undefined ? work() : aside(work)
}
