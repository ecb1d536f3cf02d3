import { setTimeout as pause } from 'node:timers/promises';
import { AGENT_LABEL, agentRecordName } from '../../core/apply/agent-parent.ts';
import { applySetId } from '../../core/apply/apply-set.ts';
import { findSets, type LiveSet } from '../../core/apply/find-sets.ts';
import { removeSet } from '../../core/apply/remove-set.ts';
import { type ApplySetId, applyExitCode, type Outcome } from '../../core/model/apply.ts';
import type { ApiFailure, ObjectRef, Resource } from '../../core/model/cluster.ts';
import { dig } from '../../core/model/json.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { applySummaryText, outcomeText } from '../../core/report/apply-text.ts';
import { oneLine } from '../../core/report/escape.ts';
import { ask, confirm } from '../ask.ts';
import type { UninstallFlags } from '../commands/uninstall.ts';
import { type Io, wantsColor } from '../io.ts';
import { readPruneKinds } from '../read-set.ts';
import { readTimeout } from '../wait-flags.ts';
import { type Desk, withDesk } from './desk.ts';
import { unknownInstall } from './live-install.ts';
import { INSTALL_SET, USUAL_NAMESPACE } from './settings.ts';

/** Runs `uninstall` and returns its exit code. Throws ProblemError for what a person has to mend. */
export async function runUninstall(flags: UninstallFlags, io: Io): Promise<number> {
  if (flags.keep && flags.prune)
    throw new ProblemError({
      code: 'Usage',
      message: '--keep and --prune exclude each other',
      hint: '--keep leaves what the agent synced as it is, --prune deletes it',
    });
  const timeout = readTimeout(flags.timeout);
  const pruneKinds = readPruneKinds(flags.pruneKinds ?? '');
  const namespace = flags.namespace || USUAL_NAMESPACE;
  return withDesk(flags, io, async (desk) => {
    const { installed, synced } = await findInstalled(desk, namespace);
    const prunes = await decide(flags, desk, { namespace, installed: installed !== undefined, synced });
    desk.stop.softly();
    const ends = performance.now() + timeout;
    const outcomes = installed ? await removeMembers(desk, installed, { pruneKinds: new Set(), ends }) : [];
    if (applyExitCode(outcomes) === 0) {
      // While it runs it would bring back what is deleted.
      await untilEnded(desk, namespace, timeout);
      if (prunes)
        for (const { set } of synced)
          outcomes.push(...(await removeMembers(desk, set, { pruneKinds, ends })));
      await removeOwnWords(desk, namespace, synced);
    }
    desk.progress.rest();
    io.out(applySummaryText(outcomes, { color: wantsColor(io, desk.color), width: io.columns }));
    io.err(`notice: the namespace stays: kubectl delete namespace ${namespace}\n`);
    return applyExitCode(outcomes);
  });
}

interface Installed {
  /** The set of the installation; absent where it is gone already. */
  installed: ApplySetId | undefined;
  /** The sets of the agent's entries. */
  synced: LiveSet[];
}

async function findInstalled({ cluster, discovery }: Desk, namespace: string): Promise<Installed> {
  const found = await findSets(cluster, discovery, { namespace });
  if ('failure' in found)
    throw unknownInstall(`what is installed in the namespace ${namespace} can't be told`, found.failure);
  const own = applySetId({ namespace, name: INSTALL_SET });
  const installed = found.sets.find(({ set }) => set.id === own.id)?.set;
  const synced = found.sets.filter(({ live }) => live.labels[AGENT_LABEL] !== undefined);
  if (!installed && synced.length === 0)
    throw new ProblemError({
      code: 'NotInstalled',
      message: `nothing in the namespace ${namespace} was installed by this program`,
      hint: 'is it another namespace? -n NAMESPACE',
    });
  return { installed, synced };
}

/** Whether what was synced goes. Asks what the flags leave open. */
async function decide(
  { keep, prune, yes }: UninstallFlags,
  { io, progress }: Desk,
  { namespace, installed, synced }: { namespace: string; installed: boolean; synced: readonly LiveSet[] },
): Promise<boolean> {
  progress.rest();
  const names = synced.map(({ set, live }) => `  ${set.name}: ${countText(live.data.status)}\n`).join('');
  if (synced.length > 0 && !keep && !prune) {
    io.err(`the agent of the namespace ${namespace} synced\n${names}`);
    const answer = await ask('keep it as it is, or delete it? [keep/prune]', 'say --keep or --prune', io);
    if (answer !== 'keep' && answer !== 'prune')
      throw new ProblemError({ code: 'Cancelled', message: 'nothing was done' });
    prune = answer === 'prune';
  }
  if (yes) return prune;
  const what = [
    ...(installed ? [`the agent of the namespace ${namespace}`] : []),
    ...(prune && synced.length > 0 ? ['all that it synced'] : []),
  ];
  if (what.length > 0 && !(await confirm(`delete ${what.join(' and ')}?`, io)))
    throw new ProblemError({ code: 'Cancelled', message: 'nothing was done' });
  return prune;
}

function countText(status: string | undefined): string {
  try {
    const { objects } = JSON.parse(status ?? '') as { objects?: unknown };
    if (typeof objects === 'number') return `${objects} ${objects === 1 ? 'object' : 'objects'}`;
  } catch {
    // Its record is one that somebody edited.
  }
  return 'an unknown number of objects';
}

/** Deletes the members of a set, waits until they are gone, and then deletes its parent. `ends`: until when. */
async function removeMembers(
  { cluster, discovery, io, progress, color }: Desk,
  set: ApplySetId,
  { pruneKinds, ends }: { pruneKinds: ReadonlySet<string>; ends: number },
): Promise<Outcome[]> {
  const style = { color: wantsColor(io, color), width: io.columns };
  const gate = new SecretGate();
  progress.update(`deleting the members of ${set.name} …`);
  const removed = await removeSet(cluster, set, { pruneKinds, version: io.version, gate, stop: io.signal });
  const { outcomes, isEmpty, unserved, parentFailure } = removed;
  progress.aside(() => io.out(outcomes.map((outcome) => outcomeText(outcome, style)).join('')));
  const leaves = (why: string): void => tellLeft(io, `the parent of the set, ${mapText(set)}`, why);
  if (parentFailure) leaves(parentFailure.message);
  if (isEmpty || outcomes.some(({ result }) => result !== 'pruned')) return outcomes;
  if (unserved.length > 0) leaves(`kinds that it had are not served now: ${unserved.join(', ')}`);
  else if (!(await untilGone(outcomes, { cluster, discovery, io, ends })))
    leaves('finalizers hold what was deleted; run uninstall again once they are done');
  else {
    const ref = { resource: kindOf(discovery, 'ConfigMap'), namespace: set.namespace, name: set.name };
    const failure = await removeObject(cluster, ref);
    if (failure) leaves(failure.message);
  }
  return outcomes;
}

/** Waits until what was deleted is gone; false where it is not by then. */
async function untilGone(
  outcomes: readonly Outcome[],
  { cluster, discovery, io, ends }: Pick<Desk, 'cluster' | 'discovery' | 'io'> & { ends: number },
): Promise<boolean> {
  for (const { change } of outcomes) {
    const { group, version, kind, namespace, name } = change.id;
    const resource = discovery.resources.find(
      (one) => one.group === group && one.version === version && one.kind === kind,
    );
    if (!resource) continue;
    for (;;) {
      const answer = await cluster.get({ resource, namespace, name });
      if (!answer.ok && answer.failure.status === 404) break;
      if (performance.now() >= ends) return false;
      await pause(POLL, undefined, { signal: io.signal });
    }
  }
  return true;
}

function kindOf({ resources }: Desk['discovery'], kind: 'ConfigMap' | 'Lease' | 'Pod'): Resource {
  const group = kind === 'Lease' ? 'coordination.k8s.io' : '';
  return resources.find((one) => one.group === group && one.kind === kind)!;
}

/** Returns why it is still there, if it is. */
async function removeObject(cluster: Desk['cluster'], ref: ObjectRef): Promise<ApiFailure | undefined> {
  const found = await cluster.get(ref);
  const answer = found.ok
    ? await cluster.delete(ref, {
        uid: String(found.value.metadata.uid),
        propagation: 'Background',
        dryRun: false,
      })
    : found;
  return answer.ok || answer.failure.status === 404 ? undefined : answer.failure;
}

function mapText({ name, namespace }: ApplySetId): string {
  return `configmap/${name} -n ${namespace}`;
}

function tellLeft(io: Io, what: string, why: string): void {
  io.err(`notice: ${oneLine(`${what}, stays: ${why}`)}\n`);
}

const POLL = 500;

/** Waits until no Pod of the agent is left. */
async function untilEnded(
  { cluster, discovery, io, progress }: Desk,
  namespace: string,
  timeout: number,
): Promise<void> {
  const resource = kindOf(discovery, 'Pod');
  const ends = performance.now() + timeout;
  progress.update('waiting until the agent has ended …');
  for (;;) {
    const answer = await cluster.list(resource, {
      namespace,
      limit: 10,
      labelSelector: 'app.kubernetes.io/name=gitlab-agent',
    });
    if (answer.ok && answer.value.items.length === 0) return;
    if (performance.now() >= ends)
      throw new ProblemError({
        code: 'StillRunning',
        message: answer.ok
          ? `the agent's Pod ${answer.value.items[0]!.metadata.name} has not ended within ${timeout / 1000} s`
          : `whether the agent has ended can't be told: ${answer.failure.message}`,
        hint: 'run uninstall again: what the agent synced is still there',
      });
    await pause(POLL, undefined, { signal: io.signal });
  }
}

/** The agent's Lease and its own ConfigMap: they tell of somebody who is gone. */
async function removeOwnWords(
  { cluster, discovery, io }: Desk,
  namespace: string,
  synced: readonly LiveSet[],
): Promise<void> {
  const maps = await cluster.list(kindOf(discovery, 'ConfigMap'), {
    namespace,
    limit: 500,
    labelSelector: AGENT_LABEL,
  });
  const records = maps.ok ? maps.value.items : [];
  const agents = new Set([
    ...synced.map(({ live }) => String(live.labels[AGENT_LABEL])),
    ...records.map((record) => String(dig(record, 'metadata', 'labels', AGENT_LABEL))),
  ]);
  for (const agent of agents)
    for (const kind of ['ConfigMap', 'Lease'] as const) {
      const name = agentRecordName(agent);
      const failure = await removeObject(cluster, { resource: kindOf(discovery, kind), namespace, name });
      if (failure) tellLeft(io, `${kind.toLowerCase()}/${name} -n ${namespace}`, failure.message);
    }
}
