import { agentPath } from '@dyad-ts/agent'
import { AgentClient } from '../../harness/agent-client.js'
import { type Cluster, TOKEN } from '../../harness/cluster.js'

/** The variables of a program of a cluster's node. */
export function variables(cluster: Cluster, node: string, more: Record<string, string> = {}): Record<string, string> {
  return {
    DYAD_KVS: cluster.kvs,
    DYAD_KVS_NAMESPACE: 'flow',
    DYAD_TOKEN: TOKEN,
    DYAD_STATE_DIR: cluster.path('state'),
    DYAD_NODE: node,
    ...more,
  }
}

/** Where the agent of a cluster's node listens. */
export function agentOf(cluster: Cluster, node: string): string {
  return agentPath(cluster.path('state'), node)
}

/** A program of node A that writes into `a`. */
export function producing(cluster: Cluster, more: Record<string, string> = {}, run = ''): Promise<AgentClient> {
  const given = { DYAD_PATH_PRODUCER: cluster.directory('a'), ...more }
  return AgentClient.greet(agentOf(cluster, 'A'), variables(cluster, 'A', given), run)
}

/** A program of node B that reads in `b`. */
export function consuming(cluster: Cluster, more: Record<string, string> = {}, run = ''): Promise<AgentClient> {
  const given = { DYAD_PATH_CONSUMER: cluster.directory('b'), ...more }
  return AgentClient.greet(agentOf(cluster, 'B'), variables(cluster, 'B', given), run)
}
