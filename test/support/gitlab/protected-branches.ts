/** Which branches are protected, from whom. Names may hold `*`, as in GitLab. */
import { ROLES, type Role } from './roles.ts';

export interface ProtectedBranch {
  name: string;
  /** The least role that may push or commit; `none` is for nobody. */
  push: Role | 'none';
  /** The least role that may merge. */
  merge: Role | 'none';
  allowForcePush: boolean;
}

function covers(rule: ProtectedBranch, branch: string): boolean {
  const pattern = rule.name.split('*').map(RegExp.escape).join('.*');
  return new RegExp(`^${pattern}$`).test(branch);
}

export function protectionsOf(rules: readonly ProtectedBranch[], branch: string): ProtectedBranch[] {
  return rules.filter((rule) => covers(rule, branch));
}

/** Whether a member with that access level may push; the most permissive of the rules decides. */
export function mayPush(rules: readonly ProtectedBranch[], branch: string, level: number): boolean {
  return allowed(rules, branch, level, 'push');
}

export function mayMerge(rules: readonly ProtectedBranch[], branch: string, level: number): boolean {
  return allowed(rules, branch, level, 'merge');
}

function allowed(
  rules: readonly ProtectedBranch[],
  branch: string,
  level: number,
  act: 'push' | 'merge',
): boolean {
  const here = protectionsOf(rules, branch);
  if (here.length === 0) return level >= ROLES.developer;
  return here.some((rule) => rule[act] !== 'none' && level >= ROLES[rule[act]]);
}

/** The rules as the pre-receive hook reads them, for one pusher. */
export function hookRules(rules: readonly ProtectedBranch[], level: number): Record<string, string> {
  const names = (these: readonly ProtectedBranch[]): string => these.map(({ name }) => name).join(' ');
  return {
    GITLAB_PROTECTED: names(rules),
    GITLAB_MAY_PUSH: names(rules.filter(({ push }) => push !== 'none' && level >= ROLES[push])),
    GITLAB_MAY_FORCE: names(rules.filter(({ allowForcePush }) => allowForcePush)),
  };
}
