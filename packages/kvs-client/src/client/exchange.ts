import type { Reply } from '../broker/messages.js'
import type { Expiring } from './due.js'

/**
 * An exchange with the broker. The connection calls it for each new link, for each reply, and for
 * the failure that ends it.
 */
export interface Exchange extends Expiring {
  /** Whether the process may end while it is under way. */
  readonly background?: boolean | undefined
  /**
   * Whether it continues while a stranger has the broker's place, since the broker may come back.
   */
  readonly endures?: boolean | undefined
  /** Called when there is a link; sends the request. */
  linked(): void
  replied(reply: Reply): void
  failed(error: unknown): void
}
