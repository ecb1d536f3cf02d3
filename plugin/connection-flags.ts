import type { Argv, InferredOptionTypes } from 'yargs';
import { CONNECTION_FLAGS } from '../core/kube/connection-flags.ts';

export { CONNECTION_FLAGS };
export type ConnectionFlags = InferredOptionTypes<typeof CONNECTION_FLAGS>;

export function withConnectionFlags<T>(yargs: Argv<T>): Argv<T & ConnectionFlags> {
  return yargs
    .options(CONNECTION_FLAGS)
    .group(Object.keys(CONNECTION_FLAGS), 'Connection:') as unknown as Argv<T & ConnectionFlags>;
}
