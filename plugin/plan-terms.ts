import { isDeepStrictEqual } from 'node:util';
import type { IgnoreRule } from '../core/model/ignore.ts';
import type { Json } from '../core/model/json.ts';
import type { PlanDocument, PlanTerms } from '../core/model/plan-document.ts';
import { ProblemError } from '../core/model/problem.ts';
import type { Digest } from '../core/plan/digest.ts';

/** The flags that give a plan its meaning. */
interface TermFlags {
  conflicts?: PlanTerms['conflicts'] | undefined;
  replace: boolean;
  applyset?: string | undefined;
  prune: boolean;
  pruneAllow?: string | undefined;
  pruneKinds?: string | undefined;
  adoptSet?: string[] | undefined;
  takeOver?: string[] | undefined;
  secretPath?: string[] | undefined;
}

export function termsOf(flags: TermFlags, ignore: readonly IgnoreRule[], digest: Digest): PlanTerms {
  const { conflicts = 'take', replace, prune, pruneAllow, pruneKinds } = flags;
  const { adoptSet = [], takeOver = [], secretPath = [] } = flags;
  const ignoreRules = ignoreDigest(ignore, digest);
  return {
    conflicts,
    replace,
    prune,
    ...(pruneAllow !== undefined && { pruneAllow }),
    ...(pruneKinds !== undefined && { pruneKinds }),
    adoptSet,
    takeOver,
    secretPath,
    ...(ignoreRules !== undefined && { ignoreRules }),
  };
}

/** The flags with the terms of the plan. Throws ProblemError where a flag that was given says something else. */
export function onTermsOf<T extends TermFlags>(flags: T, { terms, applySet }: PlanDocument): T {
  const { ignoreRules: _ignoreRules, ...named } = terms;
  const { namespace, name } = applySet ?? {};
  const theirs: TermFlags = { ...named, applyset: name === undefined ? undefined : `${namespace}/${name}` };
  const isTheSame = (key: keyof TermFlags, given: unknown): boolean =>
    isDeepStrictEqual(given, theirs[key]) || (key === 'applyset' && given === name);
  for (const key of Object.keys({ ...theirs, pruneAllow: 0, pruneKinds: 0 }) as (keyof TermFlags)[]) {
    const given = flags[key];
    // Of a flag that was not given the plan decides.
    if (given === undefined || given === false || isTheSame(key, given)) continue;
    const flag = `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new ProblemError({
      code: 'PlanTerms',
      message: `${flag} contradicts the plan, which was made ${madeWith(flag, theirs[key])}`,
      hint: 'leave it out: the plan says it, or make a new plan',
    });
  }
  return { ...flags, pruneAllow: undefined, pruneKinds: undefined, ...theirs };
}

/** Refuses other ignore rules than those of the plan: they say what an apply leaves alone. */
export function refuseOtherRules(
  { terms }: PlanDocument,
  ignore: readonly IgnoreRule[],
  digest: Digest,
): void {
  if (terms.ignoreRules === ignoreDigest(ignore, digest)) return;
  const was = terms.ignoreRules === undefined ? 'without an ignore file' : 'with other ignore rules';
  throw new ProblemError({
    code: 'PlanTerms',
    message: `the plan was made ${was}`,
    hint: '--ignore-file has to be the same, or missing as it was',
  });
}

function ignoreDigest(ignore: readonly IgnoreRule[], digest: Digest): string | undefined {
  return ignore.length === 0 ? undefined : digest('ignore', JSON.parse(JSON.stringify(ignore)) as Json);
}

function madeWith(flag: string, value: unknown): string {
  if (value === undefined || value === false || (Array.isArray(value) && value.length === 0))
    return 'without it';
  return `with ${value === true ? flag : `${flag}=${String(value)}`}`;
}
