/** The agent of unmodified programs: see docs/agent-protocol.md. */

export { agentPath } from '@dyad-ts/core/internal'
export { type Agent, type AgentOptions, openAgent } from './agent.js'
export type { RunReport } from './run-log.js'
export type { NewsItem } from './run-news.js'
export type { OpenSession } from './sessions.js'
