import type { Reply } from '../broker/messages.js'
import type { Expiring } from './due.js'

/**
 * Something under way: it is told of each link made anew, of what the broker says, and of the
 * failure that ends it.
 */
export interface Exchange extends Expiring {
  /** Whether the process may end while it is under way. */
  readonly background?: boolean | undefined
  /** Whether it goes on where a stranger has the place of the broker, which may come back. */
  readonly endures?: boolean | undefined
  /** There is a link; say what has to be said. */
  linked(): void
  replied(reply: Reply): void
  failed(error: unknown): void
}
