import type { InferredOptionTypes } from 'yargs';
import { applySetId } from '../core/apply/apply-set.ts';
import type { RunOptions } from '../core/apply/plan-run.ts';
import { PRECIOUS } from '../core/apply/prune-guards.ts';
import { type Allowance, parseAllowance } from '../core/model/allowance.ts';
import type { ApplySetId } from '../core/model/apply.ts';
import { ProblemError } from '../core/model/problem.ts';
import type { SET_FLAGS } from './set-flags.ts';

type SetFlags = Pick<InferredOptionTypes<typeof SET_FLAGS>, 'applyset' | 'prune'> & {
  pruneAllow?: string | undefined;
  pruneKinds?: string | undefined;
  adoptSet?: string[] | undefined;
};

/** Reads the flags of the set. Throws ProblemError for combinations that mean nothing. */
export function readSet(
  flags: SetFlags,
  { namespace, version }: { namespace: string; version: string },
): Pick<RunOptions, 'applySet' | 'adopted'> {
  const { applyset, prune, pruneAllow, pruneKinds = '', adoptSet = [] } = flags;
  if (applyset === undefined) {
    const idle = Object.entries({
      '--prune': prune,
      '--prune-allow': pruneAllow,
      '--prune-kinds': pruneKinds,
      '--adopt-set': adoptSet.length > 0,
    }).find(([, given]) => given);
    if (idle) throw usage(`${idle[0]} needs a set`, 'name it: --applyset [NAMESPACE/]NAME');
    return {};
  }
  const allowance = pruneAllow === undefined ? undefined : readAllowance(pruneAllow);
  return {
    applySet: {
      set: readSetName(applyset, namespace),
      prune,
      pruneKinds: readPruneKinds(pruneKinds),
      version,
      ...(allowance && { allowance }),
    },
    adopted: new Set(adoptSet),
  };
}

function readAllowance(text: string): Allowance {
  const allowance = parseAllowance(text);
  if (!allowance)
    throw usage(`can't read --prune-allow ${JSON.stringify(text)}`, 'write a number, or a share such as 80%');
  return allowance;
}

/** Reads `KIND,…` of the kinds that are held back; in lower case, as the guards compare them. */
export function readPruneKinds(text: string): Set<string> {
  const kinds = [...PRECIOUS].map((kind) => kind.replace(/\..*/, ''));
  const known = new Set([...PRECIOUS, ...kinds].map((kind) => kind.toLowerCase()));
  const asked = text.split(',').map((kind) => kind.trim());
  const unknown = asked.find((kind) => kind !== '' && !known.has(kind.toLowerCase()));
  if (unknown !== undefined)
    throw usage(
      `--prune-kinds has ${JSON.stringify(unknown)}, which is no kind that prune holds back`,
      `those are ${kinds.join(', ')}`,
    );
  return new Set(asked.filter((kind) => kind !== '').map((kind) => kind.toLowerCase()));
}

/** Reads `[NAMESPACE/]NAME`. */
export function readSetName(text: string, namespace: string): ApplySetId {
  const parts = text.split('/');
  const name = parts.at(-1)!;
  const within = parts.length === 2 ? parts[0]! : namespace;
  const isName = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;
  if (parts.length > 2 || !isName.test(name) || !isName.test(within))
    throw usage(`can't read the apply set ${JSON.stringify(text)}`, 'write [NAMESPACE/]NAME of a ConfigMap');
  return applySetId({ namespace: within, name });
}

function usage(message: string, hint: string): ProblemError {
  return new ProblemError({ code: 'Usage', message, hint });
}
