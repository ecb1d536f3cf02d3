import type { ApiFailure } from '../../core/model/cluster.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { oneLine } from '../../core/report/escape.ts';
import type { AgentObjects } from '../agents/find-agents.ts';
import { type AgentsInSight, withAgents } from '../agents/with-agents.ts';
import type { LogsFlags } from '../commands/logs.ts';
import type { Io } from '../io.ts';
import { whileRead } from '../while-read.ts';
import { newestPod } from './agent-pods.ts';
import { findLeader, type Leader, lookAtPod } from './leader-pod.ts';
import { chooseLog, type LineChoice } from './line-choice.ts';
import { gone, logProblem } from './log-failure.ts';
import { LogPrinter } from './log-printer.ts';
import { type LogRequest, logRequest, selectionOf } from './log-request.ts';
import { PodLog } from './pod-log.ts';

/** Runs `logs` and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runLogs(flags: LogsFlags, io: Io): Promise<number> {
  const request = logRequest(flags);
  return await whileRead(io, (read) =>
    withAgents(flags, read, (sight) => showLog(sight, flags, request, read)),
  );
}

async function showLog(sight: AgentsInSight, flags: LogsFlags, request: LogRequest, io: Io): Promise<number> {
  const { agent, choice } = chooseLog(sight.agents, flags);
  sight.progress.update('looking for the Pod that leads …');
  const { leader, trouble } = await findLeader(sight, agent);
  const first = leader.pod === undefined ? leaderless(await newestPod(sight.cluster, agent)) : leader;
  sight.progress.end();
  const say = (sentence: string): void => io.err(`${oneLine(sentence)}\n`);
  const shown = { request, choice, printer: new LogPrinter(agent, choice, flags, io), signal: io.signal };
  if (request.follow) {
    if (trouble !== undefined) say(`notice: ${trouble}${ofPod(first)}`);
    const { followLog } = await import('./follow-log.ts');
    return await followLog(sight, agent, {
      first,
      selection: selectionOf(request, areChosen(choice)),
      begin: (log) => begin(log, shown),
      signal: io.signal,
      take: shown.printer.take,
      say,
    });
  }
  if (first.pod === undefined) throw nobody(agent, trouble);
  const pod = { namespace: agent.namespace, name: first.pod };
  const seen = await lookAtPod(sight.cluster, pod);
  if (seen.isGone) throw gone(pod);
  if (trouble !== undefined) say(`notice: ${trouble}${ofPod(first)}`);
  const failure = await readOnce(new PodLog(sight.cluster, pod, seen.container), shown);
  if (failure) throw logProblem(failure, pod, seen);
  return 0;
}

/** Of an agent that nobody leads: its newest Pod, where there is one. */
function leaderless(pod: string | undefined): Leader {
  return pod === undefined ? {} : { pod };
}

function ofPod({ pod }: Leader): string {
  return pod === undefined ? '' : `; this is the log of the Pod ${pod}`;
}

interface Shown {
  request: LogRequest;
  choice: LineChoice;
  printer: LogPrinter;
  signal: AbortSignal;
}

/** Prints what there is of a log now. */
async function readOnce(
  log: PodLog,
  { request, choice, printer, signal }: Shown,
): Promise<ApiFailure | undefined> {
  const { tail } = request;
  if (tail !== undefined && areChosen(choice)) printer.hold(tail);
  const failure = await log.read(selectionOf(request, areChosen(choice)), signal, printer.take);
  if (!failure && !request.follow) await log.finish(printer.take);
  await printer.release();
  return failure;
}

/** Which lines are the last ones of those that are wanted is known once all were read. */
async function begin(log: PodLog, shown: Shown): Promise<ApiFailure | undefined> {
  return shown.request.tail !== undefined && areChosen(shown.choice) ? await readOnce(log, shown) : undefined;
}

function areChosen({ entry, level }: LineChoice): boolean {
  return entry !== undefined || level !== undefined;
}

function nobody({ name, namespace }: AgentObjects, trouble = `nobody leads ${name}`): ProblemError {
  return new ProblemError({
    code: 'NoLeader',
    message: `${trouble}, and none of its Pods is there: its log went with them`,
    hint: `-f waits for the next leader; kubectl get pods -n ${namespace} shows what runs there`,
  });
}
