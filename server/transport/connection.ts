import { createContextKey } from '@connectrpc/connect';

/** What is known of the connection that a call came by. */
export interface AgentConnection {
  /** Of whoever connected, or as the proxy in front says. */
  address: string;
  /** Aborted when its streams have to come to an end: it is old, or the server ends. */
  ending: AbortSignal;
  /** Aborted when it is closed. */
  closed: AbortSignal;
}

const NEVER = AbortSignal.abort(new Error('no connection'));

/** Where handlers find it: `context.values.get(CONNECTION)`. */
export const CONNECTION = createContextKey<AgentConnection>(
  { address: '', ending: NEVER, closed: NEVER },
  { description: 'connection' },
);

/** Ends a call at once, whatever stands in the way of what it is still to be sent. */
export const RESET = createContextKey<() => void>(() => {}, { description: 'reset' });
