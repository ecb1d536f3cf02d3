/**
 * The floor: what no client in Node.js can beat. Lists what has to be listed, then sends the dry runs that have to
 * be sent, all of it written out beforehand in the file that the first argument names. No YAML, no discovery, no
 * comparing, no output.
 */
import { readFileSync } from 'node:fs';
import { type RawRequest, type Server, sendAll } from './requests.ts';

/** Two steps, because a client learns from the lists which objects it has to ask about. */
export interface FloorJob {
  server: Server;
  lists: RawRequest[];
  dryRuns: RawRequest[];
}

const job: FloorJob = JSON.parse(readFileSync(process.argv[2]!, 'utf8'));
await sendAll(job.server, job.lists);
await sendAll(job.server, job.dryRuns);
