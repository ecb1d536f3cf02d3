import { applyManifests } from '../../core/apply/apply.ts';
import { applySetId } from '../../core/apply/apply-set.ts';
import type { SetOptions } from '../../core/apply/plan-run.ts';
import type { ApplyRecord } from '../../core/model/apply.ts';
import type { Manifest } from '../../core/model/manifest.ts';
import { ProblemError } from '../../core/model/problem.ts';
import { describeFailure } from '../../core/plan/failure.ts';
import { SecretGate } from '../../core/plan/secret-gate.ts';
import { applySummaryText, outcomeText } from '../../core/report/apply-text.ts';
import { oneLine } from '../../core/report/escape.ts';
import { unwellText, waitedText } from '../../core/report/waited-text.ts';
import { ApplyView } from '../apply/apply-view.ts';
import { clockOf } from '../clock.ts';
import { type Io, wantsColor } from '../io.ts';
import type { Desk } from './desk.ts';
import { INSTALL_SET } from './settings.ts';

/** The set of an installation. */
export function installSet(namespace: string, { version }: Pick<Io, 'version'>, prune: boolean): SetOptions {
  // All of it is small and replaceable; whoever upgrades means what they say.
  const allowance = { percent: 100 };
  const set = applySetId({ namespace, name: INSTALL_SET });
  return { set, prune, pruneKinds: new Set(), allowance, version };
}

/** Makes the Namespaces that are not there; says so. Those that are there are used as they are. */
export async function createNamespaces(
  { cluster, discovery, io, progress, color }: Desk,
  namespaces: readonly Manifest[],
): Promise<void> {
  const resource = discovery.resources.find(({ group, kind }) => group === '' && kind === 'Namespace')!;
  for (const { id, object } of namespaces) {
    const ref = { resource, name: id.name };
    const found = await cluster.get(ref);
    if (found.ok) continue;
    const answer = await cluster.create(ref, object);
    if (answer.ok) {
      const style = { color: wantsColor(io, color), width: io.columns };
      const made = outcomeText({ change: { id, action: 'create' }, result: 'applied' }, style);
      progress.aside(() => io.out(made));
    }
    if (!answer.ok && answer.failure.reason !== 'AlreadyExists') {
      const { message } = describeFailure(id, answer.failure, new SecretGate());
      throw new ProblemError({ code: 'Namespace', object: id, message: `can't be created: ${message}` });
    }
  }
}

/**
 * Brings the objects of an installation into the cluster as members of its set, and tells what became of each. Nothing
 * is written where any of them can't be, or is somebody else's. With `timeout` (ms) it waits until they are healthy.
 */
export async function carryOut(
  { cluster, io, progress, stop, color, shown }: Desk,
  namespace: string,
  manifests: readonly Manifest[],
  { prune, timeout }: { prune: boolean; timeout?: number },
): Promise<ApplyRecord> {
  const style = { color: wantsColor(io, color), width: io.columns };
  const view = new ApplyView(() => Date.now());
  shown.push(...manifests);
  const record = await applyManifests(cluster, manifests, {
    namespace,
    enforceNamespace: false,
    gate: new SecretGate(),
    applySet: {
      ...installSet(namespace, io, prune),
      record: { facts: { source: { tool: `gitlab-agent/v${io.version}` }, trigger: 'install' } },
    },
    refuseUnowned: true,
    conflicts: 'take',
    replace: false,
    preflight: true,
    ...(timeout !== undefined && { wait: { timeout, onHealth: (unwell) => view.health(unwell) } }),
    clock: clockOf(stop.atOnce),
    random: Math.random,
    stop: io.signal,
    onPlanned: (changes) => {
      view.planned(changes.length);
      progress.show(() => view.view());
      stop.softly();
    },
    onBegin: ({ id }) => view.begin(id),
    onOutcome: (outcome) => {
      view.end(outcome.change.id);
      const text = outcomeText(outcome, style);
      if (text) progress.aside(() => io.out(text));
    },
    onNotice: (text) => progress.say(`notice: ${oneLine(text)}`),
  });
  progress.rest();
  progress.aside(() =>
    io.out(
      unwellText(record.outcomes, style) + applySummaryText(record.outcomes, style) + waitedText(record),
    ),
  );
  return record;
}
