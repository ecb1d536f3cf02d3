/**
 * The floor: what no client in Node.js can beat. Sends the requests that have to be sent, all of them written out
 * beforehand in the file that the first argument names. No YAML, no discovery, no comparing, no output.
 */
import { readFileSync } from 'node:fs';
import { type RawRequest, type Server, sendAll } from './requests.ts';

/** One step after the other: a client learns from LISTs which objects it has to ask about. */
export interface FloorJob {
  server: Server;
  steps: RawRequest[][];
}

const job: FloorJob = JSON.parse(readFileSync(process.argv[2]!, 'utf8'));
for (const step of job.steps) await sendAll(job.server, step);
