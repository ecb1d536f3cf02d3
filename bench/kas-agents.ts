/** Many agents in one process: what each of them has of an agent server, with the agent's own code. */
import { randomBytes } from 'node:crypto';
import { create } from '@bufbuild/protobuf';
import { connectKas } from '../agent/kas/connect-kas.ts';
import { learnIdentity } from '../agent/kas/identity.ts';
import { kasSources } from '../agent/kas/kas-sources.ts';
import { keepRegistered } from '../agent/kas/register.ts';
import type { Sources } from '../agent/sources.ts';
import { Log } from '../core/daemon/log.ts';
import { AgentMetaSchema } from '../core/grpc/generated/modshared_pb.ts';
import { parseKasAddress } from '../core/model/kas-address.ts';

/** What the process is told first. */
export interface AgentsOrder {
  address: string;
  ca?: string;
  project: string;
  /** One for each agent. */
  tokens: readonly string[];
}

/** What it tells every now and then. Times are ms since 1970. */
export interface AgentsReport {
  /** The commits that agents have whole now. */
  told: { commit: string; at: number }[];
  /** How streams ended: `ok`, or the code of a failure. */
  ends: { result: string; at: number }[];
}

const REPORT_EVERY = 50;

let report: AgentsReport = { told: [], ends: [] };
const ending = new AbortController();

process.once('message', (order: AgentsOrder) => {
  for (const [index, token] of order.tokens.entries()) void begin(order, token, index);
  setInterval(() => {
    if (report.told.length + report.ends.length === 0) return;
    process.send!(report);
    report = { told: [], ends: [] };
  }, REPORT_EVERY);
});
process.once('disconnect', () => process.exit());

async function begin({ address, ca, project }: AgentsOrder, token: string, index: number): Promise<void> {
  const parsed = parseKasAddress(address);
  if ('code' in parsed) throw new Error(parsed.message);
  const log = new Log({ write: () => {}, level: 'error', now: () => new Date() });
  const kas = connectKas({
    flags: { address: parsed, headers: [], insecure: false },
    ...(ca !== undefined && { ca }),
    token: async () => token,
    userAgent: 'gitlab-agent/bench',
    env: {},
  });
  const meta = create(AgentMetaSchema, {
    version: '1.2.3',
    podName: `agent-${process.pid}-${index}`,
    podNamespace: 'gitlab-agent',
  });
  const common = { kas, meta, address, random: Math.random, log, signal: ending.signal };
  // Agents do not start in the same moment.
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 5_000));
  const identity = await learnIdentity({
    ...common,
    said: {},
    onFailure: ({ code }) => report.ends.push({ result: code, at: now() }),
  });
  void keepRegistered({ ...common, podId: randomBytes(8).readBigUInt64BE() >> 1n });
  const sources = kasSources({
    ...common,
    identity,
    onPoll: (result) => report.ends.push({ result, at: now() }),
    scratch: '/nonexistent',
    elsewhere: () => {
      throw new Error('elsewhere');
    },
  });
  const entry = { name: 'shop', repository: { project, url: '' }, paths: [], kustomize: false };
  for (const revision of [
    sources.configuration,
    sources.entry(entry as unknown as Parameters<Sources['entry']>[0]),
  ])
    revision.follow((seen) => {
      if (seen.ok) report.told.push({ commit: seen.commit, at: now() });
    });
}

/** The same in all processes. */
function now(): number {
  return performance.timeOrigin + performance.now();
}
